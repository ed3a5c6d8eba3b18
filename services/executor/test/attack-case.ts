import foreign from '../attacks/plugin.json' with { type: 'json' };
import own from '../attacks/own.json' with { type: 'json' };
import type { InstallationStateData, InteractiveReply } from '@mortise/contracts';

type Expected = 'ok' | 'error' | 'timeout' | 'memory' | 'limit' | 'crashed' | 'denied' | 'rejected';

/** A hostile plugin, and how a run of it may end. */
export interface AttackCase {
  id: string;
  category: string;
  title: string;
  /** Body of `async (input, ctx) => {...}`. */
  code: string;
  /** Code that runs when the file is loaded. */
  top?: string;
  /** `code` is the whole file, not a body. */
  whole?: boolean;
  /** Body of a second function, run in the same isolate after the first has ended. */
  after?: string;
  /** JSON text that the second function has to answer. */
  afterResult?: string;
  /** Body of a function of another tenant, run afterwards. */
  victim?: string;
  /** Runs one after the other; the conditions hold for the last. Default 1. */
  times?: number;
  /**
   * How far over its memory limit the worker may get, 64 unless said otherwise: one step of the engine that writes
   * hundreds of megabytes at the speed of memory is seen only when it is well under way.
   */
  overshootMb?: number;
  limits?: InstallationStateData['limits'];
  isolation?: InstallationStateData['isolation'];
  /** Names that the runtime offers by design; the case counts them as an escape. */
  offered?: string[];
  expect: { status: string[]; victimNot?: string; result?: string; code?: string };
}

/** Cases that came from outside, and what was found by attacking this platform since. */
export const attackCases = [...foreign, ...own] as AttackCase[];

export const timeoutMs = 800;
export const memoryMb = 32;

export function fileOf({ whole, code, top, after }: AttackCase): string {
  if (whole) return code;
  const handler = (name: string, body: string) =>
    `export const ${name} = async (input, ctx) => {${body}\n};\n`;
  return `${top ?? ''}\n${handler('run', code)}${handler('after', after ?? 'return null')}`;
}

const failedWith = (reply: InteractiveReply, ...codes: string[]) =>
  reply.status === 'failed' && codes.includes(reply.error?.code ?? '');

const endings: Record<Expected, (reply: InteractiveReply) => boolean> = {
  ok: ({ status }) => status === 'succeeded',
  error: ({ status }) => ['failed', 'denied', 'security_violation'].includes(status),
  timeout: ({ status }) => status === 'timed_out',
  memory: ({ status }) => status === 'out_of_memory',
  limit: (reply) => failedWith(reply, 'LIMIT_EXCEEDED'),
  crashed: (reply) => failedWith(reply, 'WORKER_CRASHED'),
  denied: ({ status }) => ['denied', 'security_violation'].includes(status),
  rejected: (reply) => failedWith(reply, 'MAIN_INVALID', 'IMPORT_REFUSED'),
};

/** Whether the run ended in one of the ways that the case allows. */
export const endedAsExpected = ({ expect }: AttackCase, reply: InteractiveReply): boolean =>
  expect.status.some((name) => endings[name as Expected](reply));

/** What the plugin says it has got hold of and should not have. */
export function loot({ offered = [] }: AttackCase, reply: InteractiveReply): string | undefined {
  if (reply.status !== 'succeeded' || !reply.result.includes('pwned')) return undefined;
  const got = (JSON.parse(reply.result) as { pwned?: unknown } | null)?.pwned;
  const unexpected = Array.isArray(got) ? got.filter((name) => !offered.includes(String(name))) : [got];
  return unexpected.length > 0 ? JSON.stringify(unexpected) : undefined;
}
