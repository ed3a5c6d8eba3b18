import { setImmediate } from 'node:timers/promises';
import type { InstallationStateData } from '@mortise/contracts';
import { createLogger } from '@mortise/service-kit';
import { installation, until } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { Prewarm } from './prewarm.js';

type Listener = (
  id: string,
  now: InstallationStateData | undefined,
  before: InstallationStateData | undefined,
) => void;

/** A state table that says what a test wants, a store that answers when it is told, and a sandbox that keeps a list. */
function ground(over: { caughtUp?: boolean; atATime?: number } = {}) {
  const listeners = new Set<Listener>();
  const fetches: { digest: string; answer: () => void; fail: () => void }[] = [];
  const warm: { key: string; memoryMb: number }[] = [];
  const prewarm = new Prewarm({
    sources: {
      load: (digest) =>
        new Promise((resolve, reject) => {
          const answer = () => resolve({ filename: 'main.js', code: '' });
          fetches.push({ digest, answer, fail: () => reject(new Error('no store')) });
        }),
    },
    sandbox: { warm: (unit, _source, memoryMb) => void warm.push({ key: unit.key, memoryMb }) },
    installations: {
      isCaughtUp: over.caughtUp ?? true,
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    cordon: 'tenant',
    atATime: over.atATime ?? 2,
    logger: createLogger({ service: 'executor', level: 'silent' }),
  });
  prewarm.start();
  const change = (state: InstallationStateData) => {
    for (const listener of listeners) listener(state.installationId, state, undefined);
  };
  return { prewarm, fetches, warm, change, listeners };
}

describe('what becomes active', () => {
  it('is fetched and made warm under the memory that its runs will have', async () => {
    const { fetches, warm, change } = ground();
    const state = installation({
      limits: { memoryMb: 64 },
      functions: { small: {}, large: { limits: { memoryMb: 96 } } },
    });

    change(state);
    fetches[0]?.answer();

    await until(() => warm.length === 1, 'it is warm');
    expect(fetches.map(({ digest }) => digest)).toEqual([state.digest]);
    expect(warm[0]).toMatchObject({ memoryMb: 96 });
    expect(warm[0]?.key).toContain(state.installationId);
  });

  it('is fetched a few at a time, the newest word on each installation only', async () => {
    const { fetches, warm, change } = ground({ atATime: 1 });
    const [first, second] = [installation(), installation()];

    change(first);
    change(second);
    change({ ...second, revision: 7 });
    expect(fetches).toHaveLength(1);
    fetches[0]?.answer();
    await until(() => fetches.length === 2, 'the next one is fetched');
    fetches[1]?.answer();

    await until(() => warm.length === 2, 'both are warm');
    await setImmediate();
    expect(fetches).toHaveLength(2);
    expect(warm[1]?.key).toMatch(/\/7$/);
  });

  it('goes on when a package cannot be fetched', async () => {
    const { fetches, warm, change } = ground({ atATime: 1 });

    change(installation());
    change(installation());
    fetches[0]?.fail();
    await until(() => fetches.length === 2, 'the next one is fetched');
    fetches[1]?.answer();

    await until(() => warm.length === 1, 'the second is warm');
  });

  it('is left alone while state is read at the start, when it is not active, and when none is wanted', () => {
    const starting = ground({ caughtUp: false });
    const running = ground();
    const without = ground({ atATime: 0 });

    starting.change(installation());
    running.change(installation({ status: 'installed' }));

    expect(starting.fetches).toEqual([]);
    expect(running.fetches).toEqual([]);
    expect(without.listeners.size).toBe(0);
  });

  it('is forgotten when the executor closes', async () => {
    const { prewarm, fetches, change, listeners } = ground({ atATime: 1 });
    change(installation());
    change(installation());

    prewarm.close();
    fetches[0]?.answer();

    await setImmediate();
    expect(fetches).toHaveLength(1);
    expect(listeners.size).toBe(0);
  });
});
