import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ground } from '../test/ground.js';

let ground: Ground;
beforeAll(async () => (ground = await Ground.start()));
afterAll(() => ground.sandbox.close());

// Compiling is not broken off: it eats up the deadline, so that the isolate is ready and the run never enters it.
it('a plugin that took all of its first run to load runs under the same limits afterwards', async () => {
  const long = 'x = (x * 31 + 7) % 1000003; '.repeat(150_000);
  const call = {
    code: `export const go = (input) => input; let x = 1; export const big = () => { ${long} }`,
    timeoutMs: 40,
  };

  const first = await ground.go({ ...call, input: 1 });
  let second = first;
  for (let tries = 0; tries < 50 && second.status === 'timed_out'; tries++)
    second = await ground.go({ ...call, input: 2 });

  expect(first.status).toBe('timed_out');
  expect(second).toMatchObject({ status: 'succeeded', result: '2' });
});
