import {
  ExecuteInBackground,
  headers,
  PluginState,
  type PluginStateData,
  type ServiceName,
} from '@mortise/contracts';
import { AppError, createLogger, newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, BusOptions } from './bus.js';
import { encodeTombstone } from './codec.js';
import { deadLetterHeaders } from './engine/dead-letter.js';
import type { BusRecord, Received } from './record.js';

export const quiet = createLogger({ service: 'test', level: 'silent' });
/** A second of retries instead of a minute. */
export const shortRetry = { firstDelayMs: 5, secondDelayMs: 10, totalMs: 60 };

/** One of the two transports, with topics of its own. */
export interface Twin {
  bus(options: Partial<BusOptions> & { service: ServiceName }): Bus;
  /** Ends it as kill -9 would: nothing is finished, committed or said. */
  crash(bus: Bus): Promise<void>;
  close(): Promise<void>;
}

const work = 'executions.background';
const ask = 'executions.interactive';

const record = (key: string, text: string): BusRecord => ({
  topic: work,
  key,
  value: Buffer.from(text),
  headers: { note: text },
});
const text = (received: Received) => received.value?.toString();

const stateOf = (revision: number, pluginId = newId()): PluginStateData => ({
  pluginId,
  tenantId: newId(),
  publisher: 'acme',
  slug: 'greeter',
  quarantined: [],
  revision,
});

export function busContract(name: string, makeTwin: () => Promise<Twin>): void {
  describe(`the bus on ${name}`, () => {
    let twin: Twin;
    let open: Bus[] = [];
    const made = (options: Partial<BusOptions> & { service: ServiceName }) => {
      const bus = twin.bus({ retry: shortRetry, logger: quiet, ...options });
      open.push(bus);
      return bus;
    };
    const started = async (service: ServiceName, prepare: (bus: Bus) => void = () => {}) => {
      const bus = made({ service });
      prepare(bus);
      await bus.start();
      return bus;
    };
    const collect = async (topic: BusRecord['topic'], service: ServiceName = 'registry') => {
      const seen: Received[] = [];
      await started(service, (bus) => bus.consume({ topic, handler: async (one) => void seen.push(one) }));
      return seen;
    };

    beforeEach(async () => {
      twin = await makeTwin();
    });
    afterEach(async () => {
      await Promise.all(open.map((bus) => bus.close(0)));
      open = [];
      await twin.close();
    });

    it('keeps the records of a key in order and loses none', async () => {
      const seen = new Map<string, Set<number>>();
      await started('executor', (bus) =>
        bus.consume({
          topic: work,
          handler: async (one) => {
            const mine = seen.get(one.key ?? '') ?? new Set();
            seen.set(one.key ?? '', mine);
            // Later records are faster: without order they would overtake.
            for (let turn = Number(text(one)); turn < 40; turn += 4) await new Promise(setImmediate);
            // At least once: a produce request that is repeated brings a record twice.
            mine.add(Number(text(one)));
          },
        }),
      );
      const sender = await started('registry');

      const keys = ['a', 'b', 'c', 'd', 'e'];
      const sent = Array.from({ length: 40 }, (_, index) =>
        keys.map((key) => record(key, String(index))),
      ).flat();
      await sender.send(sent);

      const handled = () => [...seen.values()].reduce((sum, mine) => sum + mine.size, 0);
      await until(() => handled() === sent.length, 'all records are handled', 20_000);
      const inOrder = Array.from({ length: 40 }, (_, index) => index);
      for (const key of keys) expect([...(seen.get(key) ?? [])]).toEqual(inOrder);
    });

    it('goes on with other keys while one is slow', async () => {
      let release: () => void = () => {};
      const slow = new Promise<void>((resolve) => (release = resolve));
      const done: string[] = [];
      await started('executor', (bus) =>
        bus.consume({
          topic: work,
          handler: async (one) => {
            if (one.key === 'slow') await slow;
            done.push(`${one.key} ${text(one)}`);
          },
        }),
      );
      const sender = await started('registry');

      const sending = sender.send([record('slow', '1'), record('slow', '2')]);
      const others = Array.from({ length: 50 }, (_, index) => record(`fast-${index}`, '1'));
      await sender.send(others);
      await until(() => done.length === others.length, 'the other keys are done', 20_000);
      expect(done.some((entry) => entry.startsWith('slow'))).toBe(false);

      release();
      await sending;
      await until(() => done.length === others.length + 2, 'the slow key is done');
      expect(done.slice(-2)).toEqual(['slow 1', 'slow 2']);
    });

    it('delivers again what a handler failed on, counting the attempts', async () => {
      const attempts: number[] = [];
      await started('executor', (bus) =>
        bus.consume({
          topic: work,
          handler: async (one) => {
            attempts.push(one.attempt);
            if (attempts.length < 3) throw new Error('the database is away');
          },
        }),
      );

      await (await started('registry')).send([record('key', 'x')]);

      await until(() => attempts.length === 3, 'the third attempt');
      expect(attempts).toEqual([1, 2, 3]);
    });

    it('sends what keeps failing to the dead letters, with its bytes, headers and the reason', async () => {
      const dead = await collect('dead-letters.executor');
      await started('executor', (bus) =>
        bus.consume({
          topic: work,
          handler: async (one) => {
            if (one.key === 'bad') throw new Error('no such column');
          },
        }),
      );
      const bytes = Buffer.from([0, 255, 1, 254]);

      await (
        await started('scheduler')
      ).send([{ topic: work, key: 'bad', value: bytes, headers: { a: 'b' } }]);

      await until(() => dead.length === 1, 'a dead letter', 20_000);
      expect(dead[0]?.value).toEqual(bytes);
      expect(dead[0]?.key).toBe('bad');
      expect(dead[0]?.headers).toMatchObject({
        a: 'b',
        [deadLetterHeaders.topic]: work,
        [deadLetterHeaders.group]: 'executor',
        [deadLetterHeaders.reason]: 'no such column',
      });
      expect(Number(dead[0]?.headers[deadLetterHeaders.attempts])).toBeGreaterThan(1);
    });

    it('sends what cannot be decoded to the dead letters at once', async () => {
      const dead = await collect('dead-letters.executor');
      let calls = 0;
      await started('executor', (bus) =>
        bus.on(ExecuteInBackground, async () => {
          calls += 1;
        }),
      );

      await (
        await started('scheduler')
      ).send([
        { topic: work, key: 'k', value: Buffer.from('{"x"'), headers: { ce_type: 'execution.execute' } },
      ]);

      await until(() => dead.length === 1, 'a dead letter', 20_000);
      expect(dead[0]?.value?.toString()).toBe('{"x"');
      expect(dead[0]?.headers[deadLetterHeaders.code]).toBe('MESSAGE_UNDECODABLE');
      expect(dead[0]?.headers[deadLetterHeaders.attempts]).toBe('1');
      expect(calls).toBe(0);
    });

    it('tries no second time when the error says that it never helps', async () => {
      const dead = await collect('dead-letters.executor');
      let calls = 0;
      await started('executor', (bus) =>
        bus.consume({
          topic: work,
          handler: async () => {
            calls += 1;
            throw new AppError('CONFLICT', { reason: 'gone' });
          },
        }),
      );

      await (await started('scheduler')).send([record('key', 'x')]);

      await until(() => dead.length === 1, 'a dead letter', 20_000);
      expect(calls).toBe(1);
    });

    it('handles batches, and finds the one poisonous record in them', async () => {
      const dead = await collect('dead-letters.registry', 'gateway');
      const good = new Set<string>();
      await started('registry', (bus) =>
        bus.consume({
          topic: work,
          maxBatch: 50,
          delayMs: 5,
          batch: async (records) => {
            if (records.some((one) => text(one) === 'poison'))
              throw new AppError('CONFLICT', { reason: 'bad row' });
            for (const one of records) good.add(text(one) ?? '');
          },
        }),
      );

      const sent = Array.from({ length: 30 }, (_, index) =>
        record(`k${index}`, index === 7 ? 'poison' : `${index}`),
      );
      await (await started('scheduler')).send(sent);

      await until(() => good.size === 29 && dead.length === 1, 'all but one are handled', 20_000);
      expect(dead[0]?.value?.toString()).toBe('poison');
    });

    it('replays a state topic at start, the newest of each key, without what was removed', async () => {
      const owner = await started('registry');
      const [kept, gone] = [newId(), newId()];
      await owner.publish(PluginState, stateOf(1, kept));
      await owner.publish(PluginState, stateOf(1, gone));
      await owner.publish(PluginState, stateOf(3, kept));
      await owner.send([encodeTombstone(PluginState, gone)]);

      const reader = made({ service: 'executor' });
      const table = reader.state(PluginState);
      await reader.start();
      await table.caughtUp;

      expect(table.size).toBe(1);
      expect(table.get(kept)?.revision).toBe(3);
      expect(reader.ready().ok).toBe(true);
    });

    it('follows a state topic, waits for a revision and ignores a lower one', async () => {
      const owner = await started('registry');
      const reader = made({ service: 'executor' });
      const table = reader.state(PluginState);
      await reader.start();
      await table.caughtUp;
      const id = newId();
      const changes: (number | undefined)[] = [];
      table.onChange((_, now) => changes.push(now?.revision));

      const reached = table.waitFor(id, 2, 10_000);
      await owner.publish(PluginState, stateOf(1, id));
      await owner.publish(PluginState, stateOf(2, id));
      await owner.publish(PluginState, stateOf(1, id));
      expect(await reached).toBe(true);
      await owner.send([encodeTombstone(PluginState, id)]);
      await until(() => table.get(id) === undefined, 'the row is removed');

      expect(changes).toEqual([1, 2, undefined]);
      expect(await table.waitFor(id, 1, 1)).toBe(false);
    });

    it('brings replies back to the one who asked', async () => {
      await started('executor', (bus) =>
        bus.consume({
          topic: ask,
          ordering: 'none',
          handler: async (one) =>
            bus.reply(one, Buffer.from(`re: ${text(one)}`), { [headers.status]: 'succeeded' }),
        }),
      );
      const askers = [
        made({ service: 'gateway', instanceId: 'g1' }),
        made({ service: 'gateway', instanceId: 'g2' }),
      ];
      await Promise.all(askers.map((bus) => bus.start()));

      const answers = await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const asker = askers[index % 2] as Bus;
          const body = {
            topic: ask,
            key: `k${index % 7}`,
            value: Buffer.from(`${index}`),
            headers: {},
          } as const;
          return asker.request(body, { deadline: Date.now() + 10_000 });
        }),
      );

      expect(answers.map(text)).toEqual(Array.from({ length: 40 }, (_, index) => `re: ${index}`));
      expect(answers[0]?.headers[headers.status]).toBe('succeeded');
    });

    it('says when the deadline has passed, and drops the reply that comes later', async () => {
      let late: Received | undefined;
      const executor = await started('executor', (bus) =>
        bus.consume({
          topic: ask,
          ordering: 'none',
          handler: async (one) => {
            if (text(one) === 'late') late = one;
            else bus.reply(one, Buffer.from('in time'));
          },
        }),
      );
      const gateway = await started('gateway');
      const body = (value: string) =>
        ({ topic: ask, key: 'k', value: Buffer.from(value), headers: {} }) as const;
      await gateway.request(body('warm'), { deadline: Date.now() + 10_000 });

      const asked = Date.now();
      const refused = gateway.request(body('late'), { deadline: asked + 80 });
      await expect(refused).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect(Date.now() - asked).toBeLessThan(80 + 250);

      executor.reply(await until(() => late, 'the command has arrived'), Buffer.from('too late'));
      const next = await gateway.request(body('next'), { deadline: Date.now() + 10_000 });
      expect(text(next)).toBe('in time');
    });

    it('shares the records of a group, and gives those of a killed instance to the others', async () => {
      const seen = new Map<string, Set<string>>();
      const holds: (() => void)[] = [];
      let hold = false;
      const instance = async (instanceId: string) => {
        const mine = new Set<string>();
        seen.set(instanceId, mine);
        const bus = made({ service: 'executor', instanceId });
        bus.consume({
          topic: work,
          handler: async (one) => {
            if (hold && instanceId === 'x1') await new Promise<void>((resolve) => holds.push(resolve));
            mine.add(text(one) ?? '');
          },
        });
        await bus.start();
        return bus;
      };
      const first = await instance('x1');
      await instance('x2');
      const sender = await started('registry');
      const send = (from: number, to: number) =>
        sender.send(
          Array.from({ length: to - from }, (_, index) => record(`key-${from + index}`, `${from + index}`)),
        );
      const total = () => new Set([...seen.values()].flatMap((mine) => [...mine])).size;

      let sent = 0;
      await until(
        async () => {
          await send(sent, (sent += 40));
          return [...seen.values()].every((mine) => mine.size > 0);
        },
        'both instances work',
        20_000,
      );
      await until(() => total() === sent, 'all are handled', 20_000);

      hold = true;
      const sending = send(sent, (sent += 40));
      await until(() => holds.length > 0, 'the first instance holds records');
      await instance('x3');
      await twin.crash(first);
      open = open.filter((bus) => bus !== first);
      hold = false;
      seen.delete('x1');
      const before = sent - 40;
      const after = send(sent, (sent += 40));
      const covered = () => {
        const all = new Set([...seen.values()].flatMap((mine) => [...mine]));
        return Array.from({ length: 80 }, (_, index) => `${before + index}`).every((one) => all.has(one));
      };
      await until(covered, 'the others have done what the killed one held, and what came after', 25_000);
      await Promise.all([sending, after]);
    }, 90_000);

    it('carries copies: what sender and handlers do to their objects stays with them', async () => {
      const seen: Received[] = [];
      for (const group of ['one', 'two'])
        await started('executor', (bus) =>
          bus.consume({
            topic: work,
            group,
            handler: async (one) => {
              seen.push({ ...one, headers: { ...one.headers } });
              one.headers['note'] = 'changed by a handler';
            },
          }),
        );
      const sender = await started('registry');
      const mine = record('key', 'original');

      const sending = sender.send([mine]);
      mine.headers['note'] = 'changed by the sender';
      await sending;

      await until(() => seen.length === 2, 'both groups have it', 20_000);
      expect(seen.map((one) => one.headers['note'])).toEqual(['original', 'original']);
    });

    it('gives solo groups every record', async () => {
      const counts = [0, 0];
      for (const index of [0, 1])
        await (async () => {
          const bus = made({ service: 'executor', instanceId: `solo-${index}` });
          bus.consume({
            topic: 'control',
            solo: true,
            handler: async () => void (counts[index] = (counts[index] ?? 0) + 1),
          });
          await bus.start();
        })();
      const sender = await started('registry');

      // A solo group starts at the end of the topic: the first record shows that both are there.
      await until(
        async () => {
          await sender.send([{ topic: 'control', key: null, value: Buffer.from('{}'), headers: {} }]);
          return counts.every((count) => count > 0);
        },
        'both instances hear it',
        20_000,
      );
    });

    it('asks every instance and waits for what each of them says', async () => {
      for (const index of [0, 1]) {
        const bus = made({ service: 'executor', instanceId: `asked-${index}` });
        bus.consume({
          topic: 'control',
          solo: true,
          handler: async (one) => bus.reply(one, Buffer.from(`I am ${index}`)),
        });
        await bus.start();
      }
      const gateway = await started('gateway');
      const question = { topic: 'control', key: null, value: Buffer.from('{}'), headers: {} } as const;

      // A solo group starts at the end of the topic: the first answers show that both are there.
      const answers = await until(
        async () => {
          const replies = await gateway.survey(question, { deadline: Date.now() + 500 });
          return replies.length >= 2 ? replies : undefined;
        },
        'both instances answer',
        20_000,
      );

      expect(answers.map(text).sort()).toEqual(['I am 0', 'I am 1']);
    });

    it('parks what fails for too long, and hands the parked record to the same group', async () => {
      const parked: { record: Received; attempt: number; dueAt: number; group: string }[] = [];
      let healthy = false;
      const done: number[] = [];
      const bus = made({
        service: 'executor',
        parking: { park: async (one) => void parked.push(one) },
      });
      bus.consume({
        topic: work,
        handler: async (one) => {
          if (!healthy) throw new Error('the database is away');
          done.push(one.attempt);
        },
      });
      await bus.start();

      await (await started('registry')).send([record('key', 'x')]);
      await until(() => parked.length === 1, 'it is parked', 20_000);
      const [first] = parked;
      expect(first).toMatchObject({ group: 'executor' });
      expect(first?.dueAt).toBeGreaterThan(Date.now());

      await bus.redeliver('executor', first?.record as Received);
      expect(parked).toHaveLength(2);
      healthy = true;
      await bus.redeliver('executor', parked[1]?.record as Received);
      expect(done).toEqual([(parked[1]?.attempt ?? 0) + 1]);
    });
  });
}
