import { until } from '@mortise/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ground } from '../test/ground.js';

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.start({ workers: 3 });
});
afterAll(() => ground.sandbox.close());

const hog = `export const go = () => {
  const kept = [];
  for (;;) kept.push(new Intl.DateTimeFormat('en', { dateStyle: 'full' }));
}`;
const waiter = (no: number) =>
  `export const go = async (input, ctx) => { await ctx.storage.get('x'); return ${no}; }`;
const quick = (no: number) => `export const go = () => ${no}`;

it('lets no run take the memory that its neighbours may have, and blames no neighbour', async () => {
  const { promise: never, resolve: answer } = Promise.withResolvers<string>();
  let asked = 0;
  const host = () => {
    asked += 1;
    return never;
  };
  const waiting = Array.from({ length: 10 }, (_, no) =>
    ground.go({ code: waiter(no), idempotent: true, host }),
  );
  await until(() => asked === 10, 'all of them wait');
  const rssMb = () => ground.worker('acme')?.rssMb ?? 0;
  const before = rssMb();
  let mostMb = 0;
  const watch = setInterval(() => (mostMb = Math.max(mostMb, rssMb())), 5);

  const guilty = ground.go({ code: hog });
  const behind = Array.from({ length: 10 }, (_, no) => ground.go({ code: quick(no) }));

  expect(await guilty).toMatchObject({ status: 'out_of_memory' });
  clearInterval(watch);
  answer('1');
  const results = await Promise.all([...waiting, ...behind]);
  expect(results.map(({ result }) => Number(result))).toEqual([...Array(10).keys(), ...Array(10).keys()]);
  // Its own limit, what a worker may need besides, and what it may be over before it is stopped.
  expect(mostMb - before).toBeLessThan(64 + 40 + 64);
});
