import { deadLetterHeaders, encodeCloudEvent, encodeEvent, type BusRecord } from '@mortise/bus';
import { ExecuteInBackground } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { admin, Client, fresh, newTenant, type Answer } from './client.js';
import { putOnBus } from './put-on-bus.js';

const main = 'export function onOrder(event) { return event.id }';
const soonMs = 20_000;

describe('a message that cannot be handled', () => {
  const operator = admin();
  let tenant: Client & { slug: string };
  let tenantId: string;
  let id: string;
  beforeAll(async () => {
    tenant = await newTenant();
    const { body } = await operator.get('/tenants?limit=200');
    ({ id: tenantId } = body.data.find(({ slug }: { slug: string }) => slug === tenant.slug));
    const manifest = { events: [{ on: 'files.uploaded', function: 'onOrder' }] };
    ({ id } = await tenant.deploy({ main, manifest }));
  });

  const event = (eventId: string, more: { causationDepth?: number } = {}): BusRecord => {
    const at = new Date().toISOString();
    return encodeCloudEvent(
      {
        id: eventId,
        source: '/test',
        type: 'files.uploaded',
        time: at,
        acceptedAt: at,
        tenantId,
        data: 1,
        ...more,
      },
      'platform-events',
      tenantId,
    );
  };
  /** An event that the scheduler refuses. */
  const poison = (eventId: string) => event(eventId, { causationDepth: 99 });
  const letters = async (query: string): Promise<Answer['body'][]> => {
    const { status, body } = await operator.get(`/dead-letters?tenantId=${tenantId}&limit=200&${query}`);
    expect(status).toBe(200);
    return body.data;
  };
  const lettersOf = async (eventId: string) =>
    (await letters('')).filter((letter) => letter.eventId === eventId);
  const letterOf = (eventId: string) =>
    until(async () => (await lettersOf(eventId))[0], `${eventId} is among the dead letters`, soonMs);
  /** How often the plugin ran for an event that was handled. */
  const runsOf = async (eventId: string): Promise<number> => {
    const { body } = await tenant.get(`/executions?installation=${id}&limit=200`);
    return body.data.filter((run: { result: unknown }) => run.result === eventId).length;
  };

  it('is found by what is known of it, and shown as it came with its secrets masked', async () => {
    const eventId = fresh('poison');
    const record = poison(eventId);

    await putOnBus({ ...record, headers: { ...record.headers, authorization: 'Bearer abcdefghijkl' } });
    const { id: letterId } = await letterOf(eventId);

    const listed = await letters(
      'service=scheduler&topic=platform-events&code=CAUSATION_TOO_DEEP&status=waiting',
    );
    expect(listed.map((letter) => letter.eventId)).toContain(eventId);
    const detail = await operator.get(`/dead-letters/${letterId}`);
    expect(detail.body).toMatchObject({
      status: 'waiting',
      group: 'scheduler',
      key: tenantId,
      tenantId,
      type: 'files.uploaded',
      attempts: 1,
      value: '1',
      encoding: 'utf8',
      masked: true,
      headers: { ce_id: eventId, authorization: '***' },
    });
    // The others of its batch and of its key were handled.
    const good = fresh('good');
    await putOnBus(poison(fresh('poison')), event(good));
    await until(async () => (await runsOf(good)) === 1, 'the event beside it ran', soonMs);
  });

  it('that is a command is put aside by each service that cannot read it', async () => {
    const key = newId();
    const executionId = newId();
    const command = encodeEvent(ExecuteInBackground, {
      executionId,
      tenantId,
      installationId: key,
      acceptedAt: new Date().toISOString(),
      trigger: 'call',
      attempt: 1,
    });

    await putOnBus({ ...command, value: Buffer.from([0xff, 0xfe]) });

    const found = await until(
      async () => {
        const both = (await letters('code=MESSAGE_UNDECODABLE')).filter((letter) => letter.key === key);
        return both.length === 2 && both;
      },
      'both services have put it aside',
      soonMs,
    );
    expect(found.map(({ service }) => service).sort()).toEqual(['executor', 'registry']);
    const detail = await operator.get(`/dead-letters/${found[0].id}`);
    expect(detail.body).toMatchObject({ value: '//4=', encoding: 'base64', topic: 'executions.background' });
  });

  it('goes to its handler again when it is replayed, and is put aside again while nothing has changed', async () => {
    const eventId = fresh('poison');
    await putOnBus(poison(eventId));
    const { id: letterId } = await letterOf(eventId);

    const replayed = await operator.post(`/dead-letters/${letterId}/replay`);

    expect(replayed.body).toMatchObject({ id: letterId, status: 'replayed', changedAt: expect.any(String) });
    const all = await until(
      async () => {
        const own = await lettersOf(eventId);
        return own.length === 2 && own;
      },
      'it is put aside again',
      soonMs,
    );
    expect(all.map(({ status }) => status).sort()).toEqual(['replayed', 'waiting']);
  });

  it('but was handled all the same does nothing when it is replayed', async () => {
    const eventId = fresh('handled');
    const record = event(eventId);
    const marker = fresh('marker');
    await putOnBus(record);
    await until(async () => (await runsOf(eventId)) === 1, 'its function ran', soonMs);
    // Its handler had committed and was killed before it could say so, for one: now there is a letter of it too.
    await putOnBus({
      ...record,
      topic: 'dead-letters.scheduler',
      headers: {
        ...record.headers,
        [deadLetterHeaders.topic]: record.topic,
        [deadLetterHeaders.group]: 'scheduler',
        [deadLetterHeaders.code]: 'INTERNAL',
        [deadLetterHeaders.at]: new Date().toISOString(),
      },
    });
    const { id: letterId } = await letterOf(eventId);

    expect((await operator.post(`/dead-letters/${letterId}/replay`)).status).toBe(200);

    // The same key: what was sent before it has been handled when the marker has.
    await putOnBus(event(marker));
    await until(async () => (await runsOf(marker)) === 1, 'a later event ran', soonMs);
    expect(await runsOf(eventId)).toBe(1);
  });

  it('is replayed or discarded with many others at once, and never replayed once it is discarded', async () => {
    const eventIds = ['a', 'b', 'c'].map((name) => fresh(name));
    await putOnBus(...eventIds.map(poison));
    const ids: string[] = [];
    for (const eventId of eventIds) ids.push((await letterOf(eventId)).id);

    const replayed = await operator.post('/dead-letters/replay', { ids, limit: 2 });
    const discarded = await operator.post('/dead-letters/discard', { ids });

    expect([replayed.body, discarded.body]).toEqual([
      { changed: 2, more: true },
      { changed: 1, more: false },
    ]);
    const details = await Promise.all(ids.map((letterId) => operator.get(`/dead-letters/${letterId}`)));
    expect(details.map(({ body }) => body.status).sort()).toEqual(['discarded', 'replayed', 'replayed']);
    const { body: gone } = details.find(({ body }) => body.status === 'discarded') as Answer;
    const refused = await operator.post(`/dead-letters/${gone.id}/replay`);
    expect([refused.status, refused.body.code]).toEqual([409, 'DEAD_LETTER_FINAL']);
  });

  it('can be discarded by itself and stays visible', async () => {
    const eventId = fresh('poison');
    await putOnBus(poison(eventId));
    const { id: letterId } = await letterOf(eventId);

    expect((await operator.call('DELETE', `/dead-letters/${letterId}`)).status).toBe(204);

    expect((await lettersOf(eventId)).map(({ status }) => status)).toEqual(['discarded']);
  });

  it('is nothing for the admin of a tenant, its own included', async () => {
    const some = newId();
    const asked = [
      await tenant.get('/dead-letters'),
      await tenant.get(`/dead-letters?tenantId=${tenantId}`),
      await tenant.get(`/dead-letters/${some}`),
      await tenant.post(`/dead-letters/${some}/replay`),
      await tenant.post('/dead-letters/replay', {}),
      await tenant.post('/dead-letters/discard', {}),
      await tenant.call('DELETE', `/dead-letters/${some}`),
    ];

    expect(asked.map(({ status, body }) => [status, body.code])).toEqual(asked.map(() => [403, 'FORBIDDEN']));
  });
});
