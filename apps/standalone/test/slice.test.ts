import { until } from '@mortise/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { archiveOf, fresh, newTenant, type Client } from './client.js';

const main = `
export function echo(input, ctx) { ctx.log.info('echo', { got: input }); return { input, greeting: ctx.config.greeting }; }
export async function count(input, ctx) { const n = ((await ctx.storage.get('n')) ?? 0) + 1; await ctx.storage.set('n', n); return n; }
export function fails() { throw Object.assign(new Error('no such order'), { code: 'NO_ORDER' }); }
export async function onCreated(event, ctx) { ctx.log.info('hello ' + event.data.name); await ctx.events.emit(ctx.plugin.slug + '.greeted', { name: event.data.name }); return 'greeted'; }
export function onGreeted(event, ctx) { ctx.log.info('greeted ' + event.data.name); return event.data.name; }
export function tick(input, ctx) { ctx.log.info('tick'); return ctx.trigger; }
export async function secret(input, ctx) { const value = await ctx.secrets.get('TOKEN'); ctx.log.info('token ' + value); return value === null ? 'none' : value.length; }
`;

const manifest = (slug: string) => ({
  slug,
  events: [
    { on: 'auth.user.created', function: 'onCreated' },
    { on: `${slug}.greeted`, function: 'onGreeted' },
  ],
  jobs: [{ name: 'nightly', schedule: '0 3 * * *', timezone: 'Europe/Berlin', function: 'tick' }],
  config: {
    type: 'object',
    properties: { greeting: { type: 'string', default: 'hi' } },
    additionalProperties: false,
  },
  secrets: [{ key: 'TOKEN' }],
});

describe('the slice', () => {
  let tenant: Client & { slug: string };
  let id: string;
  let slug: string;
  beforeAll(async () => {
    tenant = await newTenant();
    ({ id, slug } = await tenant.deploy({ main, manifest: manifest(fresh('slice')) }));
  });

  it('publishes the same bytes once and refuses other bytes under the same version', async () => {
    const one = { main: 'export function a() {}', manifest: { slug: fresh() } };

    const first = await tenant.upload(archiveOf(one));
    const same = await tenant.upload(archiveOf(one));
    const other = await tenant.upload(archiveOf({ ...one, main: 'export function a() { return 1 }' }));

    expect([first.status, same.status, other.status]).toEqual([201, 200, 409]);
    expect(same.body.version.id).toBe(first.body.version.id);
    expect(other.body.code).toBe('VERSION_EXISTS');
  });

  it('runs a function right after activation, with its config', async () => {
    const { id: another } = await tenant.deploy(
      { main, manifest: manifest(fresh('now')) },
      { greeting: 'moin' },
    );

    const answer = await tenant.execute(another, 'echo', { a: 1 });

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ status: 'succeeded', result: { input: { a: 1 }, greeting: 'moin' } });
  });

  it('keeps a record and the logs of every execution', async () => {
    const answer = await tenant.execute(id, 'echo', 'x');

    const record = await tenant.ended(answer.body.executionId);
    let logs = await tenant.get(`/executions/${answer.body.executionId}/logs`);
    await until(
      async () =>
        (logs = await tenant.get(`/executions/${answer.body.executionId}/logs`)).body.data.length > 0,
      'the log line',
    );

    expect(record.body).toMatchObject({
      status: 'succeeded',
      function: 'echo',
      trigger: 'call',
      result: { input: 'x' },
      error: null,
    });
    expect(record.body.usage.wallMs).toBeGreaterThan(0);
    expect(logs.body.data[0]).toMatchObject({ level: 'info', message: 'echo', fields: { got: 'x' } });
  });

  it('gives a failing function back with its own code, as a problem', async () => {
    const answer = await tenant.execute(id, 'fails');

    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe('EXECUTION_FAILED');
    expect(JSON.stringify(answer.body)).toContain('NO_ORDER');
    expect(answer.body.detail).toContain('no such order');
  });

  it('queues an execution when asked to, and it ends exactly once', async () => {
    const queued = await tenant.post(
      `/installations/${id}/execute`,
      { function: 'count' },
      { prefer: 'respond-async' },
    );

    expect(queued.status).toBe(202);
    expect(queued.headers.get('location')).toContain(queued.body.executionId);
    const record = await tenant.ended(queued.body.executionId);
    expect(record.body).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  it('runs the hooks of an event, and the hooks of what those emit', async () => {
    const name = fresh('user');

    const sent = await tenant.post(
      '/events',
      { specversion: '1.0', id: fresh('e'), source: 'app', type: 'auth.user.created', data: { name } },
      { 'content-type': 'application/cloudevents+json' },
    );

    expect(sent.status).toBe(202);
    await until(
      async () => {
        const logs = await tenant.get(`/installations/${id}/logs?limit=200`);
        const messages = logs.body.data.map((line: { message: string }) => line.message);
        return messages.includes(`hello ${name}`) && messages.includes(`greeted ${name}`);
      },
      'both hooks log',
      20_000,
    );
  });

  it('takes the same event twice as one', async () => {
    const event = {
      specversion: '1.0',
      id: fresh('e'),
      source: 'app',
      type: 'auth.user.created',
      data: { name: fresh('twice') },
    };
    const headers = { 'content-type': 'application/cloudevents+json' };

    await tenant.post('/events', event, headers);
    await tenant.post('/events', event, headers);
    const marker = { ...event, id: fresh('e'), data: { name: fresh('marker') } };
    await tenant.post('/events', marker, headers);

    const runs = async (name: string) => {
      const logs = await tenant.get(`/installations/${id}/logs?limit=200`);
      return logs.body.data.filter((line: { message: string }) => line.message === `hello ${name}`).length;
    };
    await until(
      async () => (await runs(marker.data.name)) === 1 && (await runs(event.data.name)) > 0,
      'the marker ran',
      20_000,
    );
    expect(await runs(event.data.name)).toBe(1);
  });

  it('tests an event at once and says what each hook gave', async () => {
    const answer = await tenant.post('/events/test', { type: 'auth.user.created', data: { name: 'Ada' } });

    expect(answer.status).toBe(200);
    expect(answer.body.runs).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ function: 'onCreated', status: 'succeeded', result: 'greeted' }),
      ]),
    );
  });

  it('runs a job now', async () => {
    const jobs = await tenant.get(`/installations/${id}/jobs`);
    const started = await tenant.post(`/installations/${id}/jobs/nightly/run-now`);

    expect((jobs.body.data ?? jobs.body)[0]).toMatchObject({
      name: 'nightly',
      schedule: '0 3 * * *',
      timezone: 'Europe/Berlin',
    });
    expect(started.status).toBe(202);
    const record = await tenant.ended(started.body.executionId);
    expect(record.body).toMatchObject({ status: 'succeeded', trigger: 'job', function: 'tick' });
  });

  it('hands a secret to the plugin and to nobody else', async () => {
    const value = `s3cr3t-${fresh()}`;
    const put = await tenant.call('PUT', `/installations/${id}/secrets/TOKEN`, { value });
    const answer = await tenant.execute(id, 'secret');
    await tenant.ended(answer.body.executionId);
    let logs = await tenant.get(`/executions/${answer.body.executionId}/logs`);
    await until(
      async () =>
        (logs = await tenant.get(`/executions/${answer.body.executionId}/logs`)).body.data.length > 0,
      'the log line',
    );
    const listed = await tenant.get(`/installations/${id}/secrets`);

    expect(put.status).toBe(204);
    expect(answer.body.result).toBe(value.length);
    expect(JSON.stringify([logs.body, listed.body])).not.toContain(value);
  });

  it.each([
    ['follow=sse', '?follow=sse', {}],
    ['the type that an EventSource accepts', '', { accept: 'text/event-stream' }],
  ])('tails logs live when asked by %s', async (_how, query, headers) => {
    const stop = new AbortController();
    const tail = await fetch(`${tenant.base}/api/v1/installations/${id}/logs${query}`, {
      headers: { authorization: `Bearer ${tenant.key}`, ...headers },
      signal: stop.signal,
    });
    const note = fresh('tail');
    expect(tail.headers.get('content-type')).toContain('text/event-stream');

    await tenant.execute(id, 'echo', note);
    let seen = '';
    for await (const chunk of tail.body as ReadableStream<Uint8Array>) {
      seen += Buffer.from(chunk).toString();
      if (seen.includes(note)) break;
    }
    stop.abort();

    expect(seen).toMatch(/^id: /m);
    expect(seen).toContain(note);
  });

  it('changes the config only for who has read it', async () => {
    const read = await tenant.get(`/installations/${id}`);
    const etag = read.headers.get('etag') as string;
    const patch = (headers: Record<string, string>, body: unknown) =>
      tenant.call('PATCH', `/installations/${id}/config`, body, {
        'content-type': 'application/merge-patch+json',
        ...headers,
      });

    const without = await patch({}, { greeting: 'x' });
    const wrongType = await patch({ 'if-match': etag }, { greeting: 7 });
    const fits = await patch({ 'if-match': etag }, { greeting: 'servus' });
    const stale = await patch({ 'if-match': etag }, { greeting: 'late' });
    const ran = await tenant.execute(id, 'echo', 1);

    expect([without.status, wrongType.status, fits.status, stale.status]).toEqual([428, 422, 200, 412]);
    expect(wrongType.body.errors[0].pointer).toBe('/greeting');
    expect(ran.body.result.greeting).toBe('servus');
  });

  it('answers forbidden transitions with the allowed ones', async () => {
    const { id: other } = await tenant.deploy({ main: 'export function a() { return 1 }' });
    const again = await tenant.post(`/installations/${other}/activate`);
    const off = await tenant.post(`/installations/${other}/deactivate`);
    const refused = await tenant.execute(other, 'a');
    const gone = await tenant.call('DELETE', `/installations/${other}?keepData=false`);
    const after = await tenant.execute(other, 'a');

    expect([again.status, again.body.code]).toEqual([409, 'TRANSITION_NOT_ALLOWED']);
    expect(again.body.detail).toContain('deactivate');
    expect([off.status, refused.status, refused.body.code]).toEqual([200, 409, 'NOT_ACTIVE']);
    expect([gone.status, after.status]).toEqual([204, 404]);
  });

  it('answers the older requests in their own shape', async () => {
    const ran = await tenant.post(`/plugins/${slug}/execute`, { function: 'echo', input: 5 });
    const listed = await tenant.get('/api/plugins?status=active');
    const uninstalled = await tenant.post('/api/plugins/test-event', {
      event_type: 'auth.user.created',
      event_data: { name: 'x' },
    });

    expect(ran.body).toMatchObject({ status: 'success', result: { input: 5 } });
    expect(ran.body.execution_time_ms).toBeGreaterThanOrEqual(0);
    expect(listed.body.data.map((plugin: { slug: string }) => plugin.slug)).toContain(slug);
    expect(listed.headers.get('deprecation')).toBeTruthy();
    expect(uninstalled.status).toBe(200);
  });
});
