import { fileURLToPath } from 'node:url';
import { executionStatuses } from '@mortise/contracts';
import { fuzz, until } from '@mortise/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { HostileWorker, launcher as createLauncher } from '../test/hostile-worker.js';
import { frameType } from './child/frames.js';

const launcher = createLauncher();
afterAll(() => launcher.close());
const runs = 4;
const longest = Number(process.env.DURATION_S ?? 0) * 1_000 + 30_000;

describe('a supervisor whose worker is no longer ours', () => {
  it(
    'takes any bytes: each run ends once, as something that can be told, and the others do not hear of it',
    async () => {
      const ends = new Set<string>();
      await fuzz({
        name: 'worker',
        corpus: fileURLToPath(new URL('../fuzz/worker', import.meta.url)),
        tries: 150,
        async target(input) {
          const hostile = await HostileWorker.start(launcher);
          hostile.give(runs);
          hostile.saysBytes(input);
          await hostile.hangsUp();

          expect(hostile.heard.size).toBe(runs);
          for (const { result, times } of hostile.heard.values()) {
            expect(times).toBe(1);
            ends.add(result.status);
            expect(executionStatuses).toContain(result.status);
            expect(Object.values(result.usage).every((used) => used >= 0 && Number.isFinite(used))).toBe(
              true,
            );
            expect((result.result ?? '').length).toBeLessThanOrEqual(1_024);
            if (result.status !== 'succeeded') expect(typeof result.error?.code).toBe('string');
            for (const { limit, value, used } of result.limitsHit ?? [])
              expect([typeof limit, Number.isFinite(value), Number.isFinite(used)]).toEqual([
                'string',
                true,
                true,
              ]);
          }
          for (const [no, op] of hostile.calls) {
            expect(no).toBeLessThanOrEqual(runs);
            expect(op).toMatch(/^[a-z]+(\.[a-z]+)?$/i);
          }
          expect(Object.getPrototypeOf({})).not.toHaveProperty('a');
        },
      });
    },
    longest,
  );

  it('gives a reply to none but the run that asked, and ends none but the run that is named', async () => {
    const hostile = await HostileWorker.start(launcher);
    hostile.give(2);
    hostile.says((writer) => {
      writer.send(1, frameType.call, '1 storage.get\n{"key":"of-1"}');
      writer.send(2, frameType.call, '1 storage.get\n{"key":"of-2"}');
      writer.send(3, frameType.call, '1 storage.get\n{"key":"of-nobody"}');
      writer.send(2, frameType.done, 's 1 1 1 1 1\n"two"');
      writer.send(2, frameType.done, 's 1 1 1 1 1\n"again"');
      writer.send(2, frameType.call, '2 storage.get\n{"key":"after"}');
    });
    await until(() => hostile.heard.size === 1, 'the second run has ended');

    expect(hostile.calls).toEqual([
      [1, 'storage.get', '{"key":"of-1"}'],
      [2, 'storage.get', '{"key":"of-2"}'],
    ]);
    expect(hostile.heard.get(2)).toMatchObject({ times: 1, result: { result: '"two"' } });
    hostile.worker.kill();
    await hostile.hangsUp();
    expect(hostile.heard.get(1)).toMatchObject({ times: 1, result: { status: 'failed' } });
  });

  it.each([
    ['announces a result of 2 GB', 1, frameType.done, 's', 1, 0x7fffffff],
    ['says what a run may not', 1, frameType.done, `s 1 1 1 1 1\n${'x'.repeat(2_000_000)}`, 1, undefined],
    ['asks for more than any call', 1, frameType.call, `1 storage.get\n${'x'.repeat(900_000)}`, 1, undefined],
    ['calls without end', 1, frameType.call, '1 storage.get\n{}', 1_001, undefined],
    ['logs without end', 1, frameType.log, '1 1\nx', 10_300, undefined],
    ['speaks of runs that never were', 99, frameType.log, '1 1\nx', 100_002, undefined],
  ])('ends a worker that %s', async (_what, id, type, payload, times, announced) => {
    const hostile = await HostileWorker.start(launcher);
    hostile.give(1);
    if (announced === undefined)
      hostile.says((writer) => {
        for (let count = 0; count < times; count++) writer.send(id, type, payload);
      });
    else {
      const header = Buffer.alloc(9);
      header.writeUInt32LE(announced, 0);
      header.writeUInt32LE(id, 4);
      header[8] = type;
      hostile.saysBytes(header);
    }
    await until(() => hostile.worker.dead, 'it is killed');

    expect(hostile.kills).toMatchObject([{ reason: 'protocol', executionIds: ['run-1'] }]);
    expect(hostile.heard.get(1)).toMatchObject({ times: 1, result: { status: 'failed' } });
    await hostile.hangsUp();
  });

  it('keeps no more answers for a worker that reads none than it may leave unread', async () => {
    const hostile = await HostileWorker.start(launcher);
    const large = JSON.stringify('x'.repeat(4_000_000));
    hostile.give(1, () => Promise.resolve(large));
    for (let call = 1; call < 200 && !hostile.worker.dead; call++) {
      const before = hostile.calls.length;
      hostile.says((writer) => writer.send(1, frameType.call, `${call} storage.get\n{}`));
      await until(() => hostile.worker.dead || hostile.calls.length > before, 'the call is heard');
    }

    expect(hostile.worker.dead).toBe(true);
    expect(hostile.kills[0]).toMatchObject({ reason: 'protocol', message: 'It reads no answers' });
    expect(hostile.calls.length).toBeLessThan(100);
    await hostile.hangsUp();
  });
});
