import { describe, expect, it } from 'vitest';
import { installation } from '@mortise/testing';
import { command } from '../../test/builders.js';
import { laneOf, OrderedLanes } from './ordered.js';

describe('ordered events', () => {
  it('run one after the other within their lane, also after a failure', async () => {
    const lanes = new OrderedLanes();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = lanes.run('a', async () => {
      await gate.promise;
      order.push('first');
      throw new Error('bus trouble');
    });
    const second = lanes.run('a', async () => void order.push('second'));
    await lanes.run('b', async () => void order.push('other lane'));
    await lanes.run(undefined, async () => void order.push('no lane'));

    gate.resolve();
    await expect(first).rejects.toThrow('bus trouble');
    await second;

    expect(order).toEqual(['other lane', 'no lane', 'first', 'second']);
  });

  it('are those whose subscription says so', () => {
    const state = installation({
      events: [
        { on: 'order.*', function: 'run', ordered: true },
        { on: 'user.*', function: 'run' },
      ],
    });
    const lane = (triggerName: string) =>
      laneOf(state, command(state, { trigger: 'event', triggerName, function: 'run' }));

    expect(lane('order.created')).toBe(`${state.installationId}/run`);
    expect(lane('user.created')).toBeUndefined();
    expect(laneOf(state, command(state))).toBeUndefined();
  });
});
