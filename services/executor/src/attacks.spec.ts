import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attackCases,
  endedAsExpected,
  loot,
  memoryMb,
  timeoutMs,
  type AttackCase,
} from '../test/attack-case.js';
import { AttackScene, sentinel, treasure, type Observed } from '../test/attack-scene.js';

const graceMs = 250;
/** A run whose worker had to be killed is answered after the new one stands. */
const respawnMs = 150;
/**
 * The supervisor looks at its workers each 10 ms. On a machine that gave it no processor for longer it could not: a
 * megabyte a millisecond may have been written meanwhile. Nothing is added while its turns come on time.
 */
const unseenMb = (lagMs: number): number => Math.max(0, lagMs - 10);
const prototypes = [Object, Array, Function, Promise, String, Map].map(
  ({ prototype }) => prototype as object,
);
const shapeOfHost = () => JSON.stringify(prototypes.map((each) => Reflect.ownKeys(each).map(String)));

// A machine that is busy with something else gets two more tries; what an attack does it does each time.
describe('hostile plugins against the executor', { retry: 2 }, () => {
  let scene: AttackScene;
  const untouched = shapeOfHost();
  const table: string[] = [];
  beforeAll(async () => {
    scene = await AttackScene.start();
  });
  afterAll(async () => {
    await scene.close();
    console.log([row('case', 'ended', 'ms', 'lag', '+MB', 'log', 'victim'), ...table].join('\n'));
  });

  it.each(attackCases)('$id: $title', async (attack) => {
    const seen = await scene.play(attack);

    table.push(rowOf(attack, seen));
    const { reply, victim } = seen;
    expect(loot(attack, reply)).toBeUndefined();
    expect(endedAsExpected(attack, reply), JSON.stringify(reply)).toBe(true);
    expect(seen.ms).toBeLessThan((attack.limits?.timeoutMs ?? timeoutMs) + graceMs + respawnMs);
    expect(seen.lagMs).toBeLessThan(600);
    const overshootMb = (attack.overshootMb ?? 64) + unseenMb(seen.lagMs);
    expect(seen.grownMb).toBeLessThan((attack.limits?.memoryMb ?? memoryMb) + overshootMb);
    expect(shapeOfHost()).toBe(untouched);
    if (reply.status === 'succeeded') expect(Buffer.byteLength(reply.result)).toBeLessThan(1_048_576);
    expect(seen.logBytes).toBeLessThan(65_536);
    expect(victim.runs).toBeGreaterThan(0);
    expect(victim.wrong).toEqual([]);
    for (const secret of [sentinel, treasure, process.cwd()]) expect(seen.told).not.toContain(secret);
    if (attack.afterResult !== undefined) expect(seen.after).toMatchObject({ result: attack.afterResult });
    if (attack.expect.result !== undefined) expect(reply).toMatchObject({ result: attack.expect.result });
    if (attack.expect.code !== undefined)
      expect(reply).toMatchObject({ error: { code: attack.expect.code } });
    if (attack.expect.victimNot !== undefined)
      expect(JSON.stringify(seen.laterVictim)).not.toContain(attack.expect.victimNot);
  });

  it('leaves no secret in the log of the service nor in its tables', async () => {
    const kept = await scene.kept();

    expect(kept.length).toBeGreaterThan(1_000);
    for (const secret of [sentinel, treasure]) expect(kept).not.toContain(secret);
  });
});

const row = (...cells: [string, string, string, string, string, string, string]): string =>
  cells.map((cell, at) => (at < 2 ? cell.padEnd([34, 20][at] ?? 0) : cell.padStart(9))).join(' ');

const rowOf = ({ id }: AttackCase, { reply, ms, lagMs, grownMb, logBytes, victim }: Observed): string =>
  row(
    id,
    reply.status,
    ms.toFixed(),
    lagMs.toFixed(),
    grownMb.toFixed(),
    String(logBytes),
    `${victim.runs}x${victim.slowestMs.toFixed()}`,
  );
