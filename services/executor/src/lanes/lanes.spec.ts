import { describe, expect, it } from 'vitest';
import { Lanes, type Asker, type LanesOptions, type Refused, type Turn } from './lanes.js';

const lanesOf = (over: Partial<LanesOptions> = {}) =>
  new Lanes({ interactiveSlots: 100, backgroundSlots: 4, backgroundRoom: 100, tenantPercent: 50, ...over });
const asker = (tenantId: string, concurrency = 16, installationId = `${tenantId}/i`): Asker => ({
  tenantId,
  installationId,
  concurrency,
});
type Entered = Turn | Promise<Turn> | Refused;
const isNow = (entered: Entered): entered is Turn => 'end' in entered;
const isWaiting = (entered: Entered): entered is Promise<Turn> => entered instanceof Promise;
const now = (entered: Entered): Turn => {
  if (!isNow(entered)) throw new Error('it did not start at once');
  return entered;
};

describe('lanes', () => {
  it('start a call at once whatever runs and waits in the background', async () => {
    const lanes = lanesOf();
    for (let n = 0; n < 50; n++) void lanes.background(asker('flood'), false);

    expect(isNow(lanes.interactive(asker('a')))).toBe(true);
    expect(isNow(lanes.interactive(asker('flood')))).toBe(true);
  });

  it('let as many calls of an installation wait as may run, and say which limit the next one is over', async () => {
    const lanes = lanesOf();
    const first = now(lanes.interactive(asker('a', 2)));
    now(lanes.interactive(asker('a', 2)));
    const third = lanes.interactive(asker('a', 2));
    void lanes.interactive(asker('a', 2));

    expect(lanes.interactive(asker('a', 2))).toEqual({ limit: 'concurrency', value: 2 });
    expect(isNow(lanes.interactive(asker('b', 2)))).toBe(true);
    expect(isWaiting(third)).toBe(true);
    first.end(0);
    expect(await third).toBeDefined();
  });

  it('leave a part of the slots to other tenants, however many installations one has', () => {
    const lanes = lanesOf({ interactiveSlots: 8 });
    for (let n = 0; n < 4; n++) now(lanes.interactive(asker('a', 1, `a/${n}`)));
    for (let n = 4; n < 8; n++) expect(isWaiting(lanes.interactive(asker('a', 1, `a/${n}`)))).toBe(true);

    expect(lanes.interactive(asker('a', 1, 'a/8'))).toEqual({ limit: 'tenantConcurrency', value: 4 });
    expect(isNow(lanes.interactive(asker('b')))).toBe(true);
  });

  it('keep a tenant that floods from filling the waiting room', () => {
    const lanes = lanesOf();
    const entered = Array.from({ length: 1_000 }, () => lanes.background(asker('flood'), false));

    expect(entered.filter(isWaiting)).toHaveLength(50);
    for (let n = 0; n < 20; n++) {
      const waits = lanes.background(asker('late'), false);
      expect('limit' in waits).toBe(false);
    }
  });

  it('let wait what has an order to keep, whatever the room', () => {
    const lanes = lanesOf({ backgroundRoom: 1 });
    for (let n = 0; n < 10; n++) expect('limit' in lanes.background(asker('a', 1), true)).toBe(false);
  });

  it('give the place a background run leaves to a call of the same installation', async () => {
    const lanes = lanesOf();
    const background = now(lanes.background(asker('a', 1), false));
    const next = lanes.background(asker('a', 1), false);
    const call = lanes.interactive(asker('a', 1));
    let went = '';
    void Promise.resolve(next as Promise<Turn>).then(() => (went += 'background '));
    const called = (call as Promise<Turn>).then((turn) => ((went += 'call '), turn));

    background.end(0);
    (await called).end(0);
    await next;

    expect(went).toBe('call background ');
  });

  it('count an end once', () => {
    const lanes = lanesOf({ interactiveSlots: 2, tenantPercent: 100 });
    const turn = now(lanes.interactive(asker('a')));
    turn.end(0);
    turn.end(0);

    expect(lanes.load('interactive')).toEqual({ running: 0, waiting: 0 });
  });

  it('run fewer background runs at a time when told to, and more again', async () => {
    const lanes = lanesOf({ tenantPercent: 100 });
    const first = [1, 2, 3, 4].map(() => now(lanes.background(asker('a'), false)));
    const waits = [1, 2, 3].map(() => lanes.background(asker('a'), false) as Promise<Turn>);
    lanes.backgroundSlots = 1;
    for (const turn of first) turn.end(1);
    expect(lanes.load('background')).toEqual({ running: 1, waiting: 2 });

    lanes.backgroundSlots = 4;

    await Promise.all(waits);
    expect(lanes.load('background')).toEqual({ running: 3, waiting: 0 });
  });

  it('give the slot of a run that waits for another to that other, and take it back over the slots', async () => {
    const lanes = lanesOf({ interactiveSlots: 1, tenantPercent: 100 });
    const outer = now(lanes.interactive(asker('a')));
    const inner = lanes.interactive(asker('a', 16, 'a/other'));
    expect(isWaiting(inner)).toBe(true);

    const answering = await outer.lend(async () => {
      const turn = now(await inner);
      expect(isWaiting(lanes.interactive(asker('b')))).toBe(true);
      return turn;
    });
    expect(lanes.load('interactive')).toEqual({ running: 2, waiting: 1 });
    outer.end(1);
    expect(lanes.load('interactive')).toEqual({ running: 1, waiting: 1 });
    answering.end(1);
    expect(lanes.load('interactive')).toEqual({ running: 1, waiting: 0 });
  });

  it('count a run that ends while its slot is lent once', async () => {
    const lanes = lanesOf({ interactiveSlots: 1, tenantPercent: 100 });
    const outer = now(lanes.interactive(asker('a')));
    let finish = () => {};
    const lent = outer.lend(() => new Promise<void>((done) => (finish = done)));

    outer.end(1);
    finish();
    await lent;

    expect(lanes.load('interactive')).toEqual({ running: 0, waiting: 0 });
  });
});
