import { deadLetterHeaders, encodeEvent, type BusRecord } from '@mortise/bus';
import {
  ExecuteInBackground,
  type DeadLetterDetailDto,
  type DeadLetterDto,
  type DeadLettersChangedDto,
  type Page,
} from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import type { TestTenant } from '../../test/test-tenant.js';

let registry: RegistryUnderTest;
let operator: TestTenant;
beforeAll(async () => {
  registry = await RegistryUnderTest.start();
  operator = registry.operator();
});
afterAll(() => registry.close());

const topic = 'plugin-lifecycle';
let count = 0;

/** A message of plugin-lifecycle that the executor could not handle. */
const letter = (more: Partial<BusRecord> = {}, headers: Record<string, string> = {}): BusRecord => ({
  topic: 'dead-letters.executor',
  key: 'a-key',
  value: Buffer.from('{"text":"as it was"}'),
  headers: {
    ce_id: newId(),
    ce_type: 'sample.told',
    [deadLetterHeaders.topic]: topic,
    [deadLetterHeaders.partition]: '3',
    [deadLetterHeaders.offset]: String(++count),
    [deadLetterHeaders.group]: 'executor',
    [deadLetterHeaders.reason]: 'no such column',
    [deadLetterHeaders.code]: 'CONFLICT',
    [deadLetterHeaders.attempts]: '7',
    [deadLetterHeaders.at]: new Date().toISOString(),
    ...headers,
  },
  ...more,
});
const list = async (query = '') =>
  (await operator.get<Page<DeadLetterDto>>(`/dead-letters?limit=200${query}`)).body.data;
const stored = async (record: BusRecord): Promise<DeadLetterDto> => {
  await registry.bus.send([record]);
  return until(
    async () => (await list()).find(({ eventId }) => eventId === record.headers['ce_id']),
    'the letter is listed',
  );
};
const told = (eventId: string | null) => registry.told.filter(({ headers }) => headers['ce_id'] === eventId);

describe('dead letters', () => {
  it('are listed with where and why they died, and found by it', async () => {
    const tenantId = newId();
    const code = `CODE_${count}`;
    const record = letter({}, { ce_tenantid: tenantId, [deadLetterHeaders.code]: code });

    const found = await stored(record);

    expect(found).toMatchObject({
      status: 'waiting',
      service: 'executor',
      group: 'executor',
      topic,
      key: 'a-key',
      type: 'sample.told',
      tenantId,
      reason: 'no such column',
      attempts: 7,
      sizeBytes: 20,
    });
    for (const query of [`code=${code}`, `tenantId=${tenantId}`])
      expect((await list(`&${query}`)).map(({ id }) => id)).toEqual([found.id]);
    expect(await list('&service=scheduler')).toEqual([]);
    expect((await list(`&topic=${topic}&status=waiting`)).length).toBeGreaterThan(0);
  });

  it('show their bytes and headers, not what looks like a secret', async () => {
    const { id } = await stored(letter({ value: Buffer.from('{"password":"x", "n":1}') }, { a: 'b' }));

    const { body } = await operator.get<DeadLetterDetailDto>(`/dead-letters/${id}`);

    expect(body).toMatchObject({ partition: 3, encoding: 'utf8', masked: true });
    expect(JSON.parse(body.value ?? '')).toEqual({ password: '***', n: 1 });
    expect(body.headers).toMatchObject({ a: 'b', ce_type: 'sample.told' });
  });

  it('hold whatever a stranger wrote', async () => {
    const odd = letter(
      { key: 'a\0b\ud800', value: Buffer.from([0, 255, 1]) },
      {
        note: 'x\0\ud800',
        [deadLetterHeaders.topic]: 'no\0such',
        [deadLetterHeaders.at]: 'yesterday',
        ce_tenantid: 'nobody',
      },
    );

    const { id } = await stored(odd);
    const { body } = await operator.get<DeadLetterDetailDto>(`/dead-letters/${id}`);

    expect(body).toMatchObject({ key: 'a\0b\ud800', value: 'AP8B', encoding: 'base64', tenantId: null });
    expect((await operator.post(`/dead-letters/${id}/replay`)).body).toMatchObject({
      code: 'DEAD_LETTER_FINAL',
    });
  });

  it('are stored once, however often they come', async () => {
    const record = letter();
    const { id } = await stored(record);
    await registry.bus.send([record, record]);
    await stored(letter());

    expect((await list()).filter((one) => one.id === id)).toHaveLength(1);
  });

  it('go back to their topic with their own id when they are replayed', async () => {
    const { id, eventId } = await stored(letter());

    const answer = await operator.post<DeadLetterDto>(`/dead-letters/${id}/replay`);

    expect(answer.body).toMatchObject({ id, status: 'replayed', changedBy: 'key:op' });
    // The executor of this test is the group that failed: it gets the record as it was.
    const [record] = await until(() => told(eventId).length === 1 && told(eventId), 'the record is back');
    expect(record).toMatchObject({ topic, key: 'a-key' });
    expect(String(record?.value)).toBe('{"text":"as it was"}');
    expect(record?.headers[deadLetterHeaders.reason]).toBeUndefined();
  });

  it('are replayed many at a time, those that fit and wait', async () => {
    const code = `MANY_${count}`;
    const ofCode = { [deadLetterHeaders.code]: code };
    const [first, second, third] = [
      await stored(letter({}, ofCode)),
      await stored(letter({}, ofCode)),
      await stored(letter({}, ofCode)),
    ];
    expect((await operator.call('DELETE', `/dead-letters/${third.id}`)).status).toBe(204);

    const part = await operator.post<DeadLettersChangedDto>('/dead-letters/replay', { code, limit: 1 });
    const rest = await operator.post<DeadLettersChangedDto>('/dead-letters/replay', { code });
    const none = await operator.post<DeadLettersChangedDto>('/dead-letters/replay', { code });

    expect([part.body, rest.body, none.body]).toEqual([
      { changed: 1, more: true },
      { changed: 1, more: false },
      { changed: 0, more: false },
    ]);
    await until(
      () => [first, second].every(({ eventId }) => told(eventId).length === 1),
      'both records are back',
    );
    expect(told(third.eventId)).toEqual([]);
  });

  it('that were discarded stay visible and are never replayed', async () => {
    const { id } = await stored(letter());
    expect((await operator.post<DeadLettersChangedDto>('/dead-letters/discard', { ids: [id] })).body).toEqual(
      {
        changed: 1,
        more: false,
      },
    );

    const replayed = await operator.post(`/dead-letters/${id}/replay`);

    expect([replayed.status, replayed.body.code]).toEqual([409, 'DEAD_LETTER_FINAL']);
    expect((await operator.get(`/dead-letters/${id}`)).body).toMatchObject({ status: 'discarded' });
  });

  it('that are none are not found; a filter that means nothing is refused', async () => {
    for (const id of [newId(), 'nothing', '..%2f'])
      expect((await operator.get(`/dead-letters/${id}`)).status).toBe(404);
    expect((await operator.get('/dead-letters?service=nobody')).status).toBe(400);
    expect((await operator.post('/dead-letters/replay', { ids: ['x'] })).status).toBe(400);
    expect((await operator.post('/dead-letters/replay', { everything: true })).status).toBe(400);
  });

  it('end the execution whose command they were', async () => {
    const tenant = registry.tenant();
    const { id: installationId } = await tenant.install();
    await tenant.post(`/installations/${installationId}/activate`);
    const queued = await tenant.post<{ executionId: string }>(`/installations/${installationId}/executions`, {
      function: 'greet',
    });
    const { executionId } = queued.body;
    const { body: record } = await tenant.get<{ acceptedAt: string }>(`/executions/${executionId}`);
    const command = encodeEvent(ExecuteInBackground, {
      executionId,
      tenantId: tenant.id,
      installationId,
      acceptedAt: record.acceptedAt,
      trigger: 'call',
      attempt: 1,
      function: 'greet',
    });
    const { headers } = letter({}, { ...command.headers, [deadLetterHeaders.topic]: command.topic });

    await registry.bus.send([{ ...command, topic: 'dead-letters.executor', headers }]);

    await until(
      async () => (await tenant.get(`/executions/${executionId}`)).body['status'] === 'dead_lettered',
      'the record says so',
    );
    expect((await tenant.get(`/executions/${executionId}`)).body).toMatchObject({
      error: { code: 'CONFLICT', message: 'no such column' },
    });
  });
});
