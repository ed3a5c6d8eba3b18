import { readFileSync, readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Ground } from '../test/ground.js';
import { createLauncher, type LauncherOptions } from './launch.js';
import { seccompFilter } from './seccomp.js';
import type { Walls } from './types.js';

const isRoot = process.getuid?.() === 0;

/** The walls that such a launcher would have; undefined where it cannot work. */
function wallsOf(options: LauncherOptions): Walls | undefined {
  try {
    const launcher = createLauncher(options);
    launcher.close();
    return launcher.walls;
  } catch {
    return undefined;
  }
}

/** What the kernel says of a worker. */
function seen(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const line = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
  const own = (kind: string) =>
    readlinkSync(`/proc/${pid}/ns/${kind}`) !== readlinkSync(`/proc/self/ns/${kind}`);
  return {
    uid: Number(line('Uid')),
    capabilities: BigInt(`0x${line('CapEff')}`),
    noNewPrivileges: line('NoNewPrivs') === '1',
    seccomp: line('Seccomp') === '2',
    namespaces: ['user', 'net', 'pid', 'mnt', 'ipc'].filter(own),
    environment: readFileSync(`/proc/${pid}/environ`, 'utf8'),
  };
}

let ground: Ground | undefined;
afterEach(() => ground?.sandbox.close());

describe('walls', () => {
  it.each<[string, Walls['tool'], LauncherOptions['only']]>([
    ['bubblewrap', 'bubblewrap', () => true],
    ['bubblewrap for a supervisor that may not change users', 'bubblewrap', ({ walls }) => !walls.ownUser],
    ['unshare where there is no bubblewrap', 'unshare', ({ walls }) => walls.tool !== 'bubblewrap'],
    ['setpriv where there are no namespaces', 'setpriv', ({ walls }) => !walls.namespaces],
    ['nothing', 'none', ({ walls }) => walls.tool === 'none'],
  ])('stand as they are said to: %s', async (_name, tool, which = () => true) => {
    const expected = wallsOf({ walls: 'prefer', only: which });
    // A machine without the tool, or one that forbids namespaces, shows the next form.
    if (expected?.tool !== tool) return expect(expected).toBeDefined();
    ground = await Ground.start({ walls: 'prefer', only: which } as LauncherOptions);

    const result = await ground.go({ code: 'export const go = () => 42' });

    expect(result).toMatchObject({ status: 'succeeded', result: '42' });
    const { walls } = ground.sandbox.stats();
    expect(walls).toEqual(expected);
    const worker = seen(ground.worker('acme')?.pid ?? 0);
    expect(worker.noNewPrivileges).toBe(walls.noNewPrivileges);
    expect(worker.seccomp).toBe(walls.seccomp);
    expect(worker.namespaces.includes('net')).toBe(walls.namespaces);
    if (walls.tool === 'bubblewrap') expect(worker.namespaces).toEqual(['user', 'net', 'pid', 'mnt', 'ipc']);
    if (walls.tool !== 'none' || walls.ownUser) expect(worker.capabilities).toBe(0n);
    if (isRoot) expect(worker.uid !== 0).toBe(walls.ownUser);
    expect(worker.environment).not.toMatch(/PATH|HOME|KEY|URL/);
  });

  it('give each worker a user of its own where the supervisor is root', async () => {
    if (!isRoot) return;
    ground = await Ground.start();
    await ground.go({ code: 'export const go = () => 1', tenant: 'a' });
    await ground.go({ code: 'export const go = () => 1', tenant: 'b' });

    const { walls, workers } = ground.sandbox.stats();
    const users = workers.filter(({ cordon }) => cordon).map(({ pid }) => seen(pid).uid);

    expect(walls.ownUser).toBe(true);
    expect(new Set(users).size).toBe(2);
  });

  it('are demanded, or nothing starts', () => {
    expect(() => createLauncher({ walls: 'require', only: () => false })).toThrow(/Walls are required/);
  });

  it('are left where they are off', () => {
    expect(wallsOf({ walls: 'off' })).toMatchObject({ namespaces: false, seccomp: false });
  });

  it('can do without the compiler', async () => {
    ground = await Ground.start({ jitless: true });

    const result = await ground.go({
      code: 'export const go = (n) => { let x = 0; while (x < n) x++; return x }',
      input: 1e5,
    });

    expect(result).toMatchObject({ status: 'succeeded', result: '100000' });
    expect(ground.sandbox.stats().walls.jitless).toBe(true);
    const commandLine = readFileSync(`/proc/${ground.worker('acme')?.pid}/cmdline`, 'utf8');
    expect(commandLine.split('\0')).toContain('--jitless');
  });
});

describe('the filter of system calls', () => {
  /** The kernel's way to run such a program. */
  function judge(filter: Buffer, number: number, audit: number, argument = 0): number {
    const data = Buffer.alloc(64);
    data.writeUInt32LE(number, 0);
    data.writeUInt32LE(audit, 4);
    data.writeUInt32LE(argument >>> 0, 16);
    let value = 0;
    for (let at = 0; ; at++) {
      const [code, k] = [filter.readUInt16LE(at * 8), filter.readUInt32LE(at * 8 + 4)];
      const jump = (test: boolean) => (at += filter.readUInt8(at * 8 + (test ? 2 : 3)));
      if (code === 0x20) value = data.readUInt32LE(k);
      else if (code === 0x15) jump(value === k);
      else if (code === 0x35) jump(value >= k);
      else if (code === 0x45) jump((value & k) !== 0);
      else return k;
    }
  }
  const [allow, kill, refused, absent] = [0x7fff0000, 0x80000000, 0x00050001, 0x00050026];

  it.each([
    [
      'x64',
      0xc000003e,
      { read: 0, write: 1, futex: 202, mmap: 9 },
      { socket: 41, fork: 57, ptrace: 101, ioUring: 425, execveat: 322 },
      56,
    ],
    [
      'arm64',
      0xc00000b7,
      { read: 63, write: 64, futex: 98, mmap: 222 },
      { socket: 198, ptrace: 117, ioUring: 425, execveat: 281 },
      220,
    ],
  ])(
    'lets a worker on %s run and start threads, and nothing else',
    (machine, audit, needed, never, clone) => {
      const filter = seccompFilter(machine) ?? Buffer.alloc(0);

      for (const number of Object.values(needed)) expect(judge(filter, number, audit)).toBe(allow);
      for (const number of Object.values(never)) expect(judge(filter, number, audit)).toBe(refused);
      expect(judge(filter, clone, audit, 0x3d0f00)).toBe(allow);
      expect(judge(filter, clone, audit, 17)).toBe(refused);
      expect(judge(filter, 435, audit)).toBe(absent);
      expect(judge(filter, 0, 0x40000003)).toBe(kill);
    },
  );

  it('refuses the second numbers of x86-64', () => {
    expect(judge(seccompFilter('x64') ?? Buffer.alloc(0), 0x40000000 + 41, 0xc000003e)).toBe(refused);
  });

  it('is not there for machines whose numbers nobody has looked up', () => {
    expect(seccompFilter('riscv64')).toBeUndefined();
  });
});
