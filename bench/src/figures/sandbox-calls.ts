import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { interleave, repeat, type Figure } from '../figure.ts';
import { load, shown } from '../load.ts';
import { echo, input, withSandbox } from '../sandbox.ts';

/** The floor: the same kind of socket, a line a call, and the handler as a bare function. */
const bareChild = `const socket = new (require('node:net').Socket)({ fd: 3 });
const go = async (input) => input;
let rest = '';
socket.on('data', async (chunk) => {
  const lines = (rest + chunk).split('\\n');
  rest = lines.pop();
  for (const line of lines) socket.write(JSON.stringify(await go(JSON.parse(line))) + '\\n');
});
socket.on('close', () => process.exit());`;

function startBare(): { call: () => Promise<void>; stop: () => void } {
  const child = spawn(process.execPath, ['-e', bareChild], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const socket = child.stdio[3] as unknown as Socket;
  let answered = () => {};
  socket.on('data', () => answered());
  const call = () =>
    new Promise<void>((resolve) => {
      answered = resolve;
      socket.write(`${input}\n`);
    });
  return { call, stop: () => child.kill('SIGKILL') };
}

export const warmCall: Figure = {
  id: 'P2',
  what: 'warm call across the process wall, 100 B, 1 caller, p50',
  unit: 'us',
  reference: 'the same socket, bare code',
  target: '<= 1.3x',
  ok: ({ ratio }) => ratio <= 1.3,
  measure: () =>
    withSandbox(async ({ go }) => {
      const bare = startBare();
      const p50Us = async (call: () => Promise<unknown>) => (await load(1, 15_000, call)).p50Ms * 1_000;
      try {
        return await interleave(
          7,
          () => p50Us(() => go(echo)),
          () => p50Us(bare.call),
        );
      } finally {
        bare.stop();
      }
    }),
};

export const saturated: Figure = {
  id: 'P3',
  what: 'executions of one worker, 100 callers, limits and accounting on',
  unit: '/s',
  target: '>= 120,000/s',
  ok: ({ value }) => value >= 120_000,
  measure: () =>
    withSandbox(async ({ go }) => {
      let last = '';
      const measured = await repeat(5, async () => {
        const round = await load(100, 60_000, () => go(echo));
        last = shown(round);
        return round.perSecond;
      });
      return { ...measured, note: `${last} in the supervisor` };
    }),
};

const answer = () => Promise.resolve('{"v":1}');
const callsARun = 20;
const calling = `export const go = async (input, ctx) => { for (let i = 0; i < ${callsARun}; i++) await ctx.storage.get('a') };`;

const hostCall = (callers: number): Figure => ({
  id: 'P6',
  what: `host call and its answer, ${callers} ${callers === 1 ? 'run' : 'runs'} at a time`,
  unit: 'us a call',
  target: '<= 8 us',
  ok: ({ value }) => value <= 8,
  measure: () =>
    withSandbox(async ({ go }) => {
      const runs = callers === 1 ? 500 : 3_000;
      const measured = await repeat(
        5,
        async () =>
          1_000_000 / (await load(callers, runs, () => go(calling, { host: answer }))).perSecond / callsARun,
      );
      return { ...measured, note: 'across the process wall; the store answers at once' };
    }),
});

export const hostCallAlone = hostCall(1);
export const hostCallCrowd = hostCall(100);

export const inFlight: Figure = {
  id: 'P9',
  what: '1,000 executions in flight, each with one host call of 50 ms, one worker',
  unit: '/s',
  target: '>= 15,000/s, p99 <= 120 ms',
  ok: ({ value }) => value >= 15_000,
  measure: () =>
    withSandbox(async ({ go }) => {
      const code = `export const go = async (input, ctx) => { await ctx.storage.get('a') };`;
      const slow = () => new Promise<string>((resolve) => setTimeout(resolve, 50, 'null'));
      let note = '';
      const measured = await repeat(5, async () => {
        const round = await load(1_000, 15_000, () => go(code, { host: slow }));
        note = shown(round);
        return round.perSecond;
      });
      return { ...measured, note };
    }),
};
