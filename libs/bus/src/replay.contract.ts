import type { ServiceName } from '@mortise/contracts';
import { until } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus } from './bus.js';
import { quiet, shortRetry, type Twin } from './bus.contract.js';
import { deadLetterHeaders, replayOf } from './engine/dead-letter.js';
import type { BusRecord, Received } from './record.js';

/** A dead letter that goes back to where it came from, on either transport. */
export function replayContract(name: string, makeTwin: () => Promise<Twin>): void {
  describe(`a replayed dead letter on ${name}`, () => {
    let twin: Twin;
    let open: Bus[] = [];
    const started = async (service: ServiceName, prepare: (bus: Bus) => void = () => {}) => {
      const bus = twin.bus({ service, retry: shortRetry, logger: quiet });
      open.push(bus);
      prepare(bus);
      await bus.start();
      return bus;
    };
    beforeEach(async () => {
      twin = await makeTwin();
    });
    afterEach(async () => {
      await Promise.all(open.map((bus) => bus.close(0)));
      open = [];
      await twin.close();
    });

    it('comes to the group that failed, as it was, and to no other', async () => {
      const sent: BusRecord = {
        topic: 'plugin-lifecycle',
        key: 'plugin',
        value: Buffer.from([0, 255, 1]),
        headers: { ce_id: 'id-1', note: 'kept' },
      };
      const seen: Record<string, Received[]> = { executor: [], scheduler: [], batches: [], dead: [] };
      let broken = true;
      await started('executor', (bus) =>
        bus.consume({
          topic: sent.topic,
          handler: async (record) => {
            if (broken) throw new Error('not yet');
            seen.executor?.push(record);
          },
        }),
      );
      await started('scheduler', (bus) =>
        bus.consume({ topic: sent.topic, handler: async (record) => void seen.scheduler?.push(record) }),
      );
      await started('gateway', (bus) =>
        bus.consume({ topic: sent.topic, batch: async (records) => void seen.batches?.push(...records) }),
      );
      await started('registry', (bus) =>
        bus.consume({
          topic: 'dead-letters.executor',
          handler: async (record) => void seen.dead?.push(record),
        }),
      );
      const operator = await started('registry');
      await operator.send([sent]);
      const letter = await until(() => seen.dead?.[0], 'a dead letter', 20_000);
      broken = false;

      const replay = replayOf(letter) as BusRecord;
      await operator.send([replay, { ...sent, headers: { ce_id: 'id-2' } }]);

      await until(
        () => [seen.executor, seen.scheduler, seen.batches].every((group) => group?.length === 2),
        'two records each',
        20_000,
      );
      const ids = (group: string) => seen[group]?.map(({ headers }) => headers['ce_id']);
      expect([ids('executor'), ids('scheduler'), ids('batches')]).toEqual([
        ['id-1', 'id-2'],
        ['id-1', 'id-2'],
        ['id-1', 'id-2'],
      ]);
      expect(seen.executor?.[0]).toMatchObject({ key: sent.key, value: sent.value });
      expect(seen.executor?.[0]?.headers).toMatchObject(sent.headers);
      expect(Object.keys(replay.headers).filter((header) => header.startsWith('dead-letter-'))).toEqual([]);
    });

    it('that fails again is a dead letter of the same form', async () => {
      const dead: Received[] = [];
      await started('executor', (bus) =>
        bus.consume({
          topic: 'plugin-lifecycle',
          handler: () => Promise.reject(new Error(`no ${dead.length}`)),
        }),
      );
      await started('registry', (bus) =>
        bus.consume({ topic: 'dead-letters.executor', handler: async (record) => void dead.push(record) }),
      );
      const operator = await started('registry');
      await operator.send([{ topic: 'plugin-lifecycle', key: 'k', value: null, headers: { a: 'b' } }]);
      const first = await until(() => dead[0], 'a dead letter', 20_000);

      await operator.send([replayOf(first) as BusRecord]);

      const second = await until(() => dead[1], 'another dead letter', 20_000);
      expect(Object.keys(second.headers).sort()).toEqual(Object.keys(first.headers).sort());
      expect(second.headers[deadLetterHeaders.reason]).toBe('no 1');
    });
  });

  it('a record that names no topic of ours is no dead letter', () => {
    const letter = (headers: Record<string, string>) =>
      replayOf({ topic: 'dead-letters.executor', key: null, value: null, headers });

    expect(letter({})).toBeUndefined();
    expect(
      letter({ [deadLetterHeaders.topic]: 'gone', [deadLetterHeaders.group]: 'executor' }),
    ).toBeUndefined();
  });
}
