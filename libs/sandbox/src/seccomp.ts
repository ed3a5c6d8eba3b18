/**
 * A filter of system calls for workers, in the kernel's own form (classic BPF, seccomp(2)): no sockets, no new processes,
 * no other process's memory, no mounts, namespaces, modules, keys or io_uring. What node needs is left alone, so that a
 * new version of it does not stop at a call that nobody thought of; what it must never need is refused.
 */
interface Architecture {
  /** AUDIT_ARCH_* */
  audit: number;
  clone: number;
  /** x86-64 has a second set of numbers for the same calls. */
  secondNumbersFrom?: number;
  refused: readonly number[];
}

const architectures: Partial<Record<string, Architecture>> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    secondNumbersFrom: 0x40000000,
    refused: [
      ...[41, 42, 43, 49, 50, 53, 288], // socket connect accept bind listen socketpair accept4
      ...[57, 58, 322], // fork vfork execveat
      ...[101, 310, 311, 424, 434, 438], // ptrace process_vm_readv/writev pidfd_send_signal/open/getfd
      ...[155, 161, 165, 166, 272, 308, 428, 429, 430, 432, 442], // pivot_root chroot mount umount2 unshare setns and the newer mount calls
      ...[175, 176, 313, 246, 320, 169, 167, 168, 163], // modules kexec reboot swap acct
      ...[248, 249, 250, 298, 321, 323, 303, 304], // keys perf_event_open bpf userfaultfd file handles
      ...[425, 426, 427, 29, 64, 68, 103, 135, 154, 172, 173, 179], // io_uring System V IPC syslog personality ldt ports quota
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    refused: [
      ...[198, 199, 200, 201, 202, 203, 242],
      281,
      ...[117, 270, 271, 424, 434, 438],
      ...[41, 51, 40, 39, 97, 268, 428, 429, 430, 432, 442],
      ...[105, 106, 273, 104, 294, 142, 224, 225, 89],
      ...[217, 218, 219, 241, 280, 282, 264, 265],
      ...[425, 426, 427, 194, 190, 186, 116, 92, 60],
    ],
  },
};

/** 435 everywhere. Said not to exist, so that the C library takes `clone`, whose flags a filter can read. */
const clone3 = 435;
const cloneThread = 0x10000;
const op = { load: 0x20, ifEqual: 0x15, ifAtLeast: 0x35, ifAnyBit: 0x45, answer: 0x06 };
const at = { number: 0, architecture: 4, firstArgument: 16 };
const answers = { allow: 0x7fff0000, kill: 0x80000000, notPermitted: 0x00050001, notThere: 0x00050026 };

/** @returns undefined for machines whose numbers are not known here */
export function seccompFilter(architecture: string = process.arch): Buffer | undefined {
  const known = architectures[architecture];
  if (!known) return undefined;
  const program: number[][] = [
    [op.load, 0, 0, at.architecture],
    [op.ifEqual, 1, 0, known.audit],
    [op.answer, 0, 0, answers.kill],
    [op.load, 0, 0, at.number],
  ];
  const answerIf = (test: number, value: number, answer: number) =>
    program.push([test, 0, 1, value], [op.answer, 0, 0, answer]);
  if (known.secondNumbersFrom !== undefined)
    answerIf(op.ifAtLeast, known.secondNumbersFrom, answers.notPermitted);
  for (const number of known.refused) answerIf(op.ifEqual, number, answers.notPermitted);
  answerIf(op.ifEqual, clone3, answers.notThere);
  program.push(
    [op.ifEqual, 0, 3, known.clone],
    [op.load, 0, 0, at.firstArgument],
    [op.ifAnyBit, 1, 0, cloneThread],
    [op.answer, 0, 0, answers.notPermitted],
    [op.answer, 0, 0, answers.allow],
  );
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code = 0, ifTrue = 0, ifFalse = 0, value = 0], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value, index * 8 + 4);
  });
  return bytes;
}
