import { InstallationActivated, headers as names, type ServiceName } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus } from './bus.js';
import { quiet, shortRetry, type Twin } from './bus.contract.js';
import { encodeEvent } from './codec.js';
import { deadLetterHeaders } from './engine/dead-letter.js';
import type { BusRecord, Received } from './record.js';

const key = 'one-installation';

/** An event as we write it, and what a mistaken or hostile producer makes of it. */
const good = (): BusRecord => ({
  ...encodeEvent(InstallationActivated, {
    installationId: newId(),
    tenantId: newId(),
    pluginId: newId(),
    versionId: newId(),
    version: '1.0.0',
    status: 'active',
    revision: 1,
    actor: 'key:mk_1',
    at: new Date().toISOString(),
  }),
  key,
});
const bad: Record<string, (record: BusRecord) => BusRecord> = {
  'no headers': (record) => ({ ...record, headers: {} }),
  'no value': (record) => ({ ...record, value: null }),
  'no id': ({ headers: { ce_id: _, ...headers }, ...record }) => ({ ...record, headers }),
  'a value that is no JSON': (record) => ({ ...record, value: Buffer.from('{"installationId":') }),
  'a value that is no UTF-8': (record) => ({
    ...record,
    value: Buffer.concat([record.value ?? Buffer.alloc(0), Buffer.from([0xff, 0xfe])]),
  }),
  'JSON of another shape': (record) => ({ ...record, value: Buffer.from('[1,2,3]') }),
  'a number that is none': (record) => ({
    ...record,
    headers: { ...record.headers, [names.causationDepth]: 'deep' },
  }),
  'a future version': (record) => ({
    ...record,
    headers: { ...record.headers, ce_dataschema: `urn:mortise:schema:${InstallationActivated.type}:v99` },
  }),
};

/** What others put on our topics, on either transport: also what a producer of another client wrote. */
export function hostileContract(name: string, makeTwin: () => Promise<Twin>): void {
  describe(`hostile records on ${name}`, () => {
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

    it('go to the dead letters as they came, and hold up no record of their key', async () => {
      const handled: string[] = [];
      const dead: Received[] = [];
      await started('scheduler', (bus) =>
        bus.on(InstallationActivated, async ({ id }) => void handled.push(id)),
      );
      await started('registry', (bus) =>
        bus.consume({ topic: 'dead-letters.scheduler', handler: async (record) => void dead.push(record) }),
      );
      const sender = await started('gateway');
      const [first, last] = [good(), good()];
      const sent = Object.values(bad).map((spoil) => spoil(good()));

      await sender.send([first]);
      for (const record of sent) await sender.send([record]);
      await sender.send([last]);

      await until(() => handled.length === 2 && dead.length === sent.length, 'all have come');
      expect(handled).toEqual([first.headers['ce_id'], last.headers['ce_id']]);
      expect(dead.map((record) => record.headers[deadLetterHeaders.code])).toEqual(
        sent.map(() => 'MESSAGE_UNDECODABLE'),
      );
      expect(dead.map(({ value }) => value)).toEqual(sent.map(({ value }) => value));
    });

    it('bring no prototype into what a handler gets', async () => {
      const got: object[] = [];
      await started('scheduler', (bus) =>
        bus.on(InstallationActivated, async ({ data }) => void got.push(data)),
      );
      const sender = await started('gateway');
      const record = good();
      const text = record.value?.toString() ?? '';
      const value = Buffer.from(text.replace('{', '{"__proto__":{"polluted":true},"constructor":{},'));

      await sender.send([{ ...record, value }]);

      await until(() => got.length > 0, 'it has come');
      expect(got[0]).toEqual(JSON.parse(text));
      expect([Reflect.get({}, 'polluted'), Reflect.get(got[0] ?? {}, 'polluted')]).toEqual([
        undefined,
        undefined,
      ]);
    });

    it('of a type that this version does not know are dropped', async () => {
      const handled: string[] = [];
      const dead: Received[] = [];
      await started('scheduler', (bus) =>
        bus.on(InstallationActivated, async ({ id }) => void handled.push(id)),
      );
      await started('registry', (bus) =>
        bus.consume({ topic: 'dead-letters.scheduler', handler: async (record) => void dead.push(record) }),
      );
      const sender = await started('gateway');
      const [unknown, known] = [good(), good()];

      await sender.send([{ ...unknown, headers: { ...unknown.headers, ce_type: 'installation.dreamt' } }]);
      await sender.send([{ ...unknown, headers: { ...unknown.headers, ce_type: 'constructor' } }]);
      await sender.send([known]);

      await until(() => handled.length > 0, 'the known one has come');
      expect([handled, dead]).toEqual([[known.headers['ce_id']], []]);
    });

    it('cannot be taken for the answer of another call', async () => {
      const asker = await started('gateway');
      await started('executor', (bus) =>
        bus.consume({
          topic: 'executions.interactive',
          ordering: 'none',
          handler: async (record) => {
            const partition = Number(record.headers[names.replyPartition]);
            const mine = record.headers[names.correlationId] ?? '';
            const forged = ['', 'x', mine.slice(0, -1), `${mine}0`, '__proto__', 'constructor'];
            await bus.send(
              forged.map((id) => ({
                topic: 'execution-replies' as const,
                key: null,
                value: Buffer.from('forged'),
                headers: { [names.correlationId]: id },
                partition,
              })),
            );
            await bus.send([{ topic: 'execution-replies', key: null, value: null, headers: {}, partition }]);
            bus.reply(record, Buffer.from('true'));
          },
        }),
      );

      const reply = await asker.request(
        { topic: 'executions.interactive', key: 'k', value: Buffer.from('?'), headers: {} },
        { deadline: Date.now() + 10_000 },
      );

      expect(reply.value?.toString()).toBe('true');
    });
  });
}
