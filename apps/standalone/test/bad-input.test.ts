import { beforeAll, describe, expect, it } from 'vitest';
import { admin, archiveOf, Client, fresh, newTenant } from './client.js';

describe('bad input', () => {
  let tenant: Client & { slug: string };
  let id: string;
  beforeAll(async () => {
    tenant = await newTenant();
    ({ id } = await tenant.deploy({
      main: 'export function echo(input) { return input }\nexport function typed(input) { return input }\nexport function cyclic() { const a = {}; a.a = a; return a }\nexport function big() { return 1n }',
      manifest: {
        functions: {
          echo: {},
          typed: { input: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] } },
          cyclic: {},
          big: {},
        },
      },
    }));
  });
  const coded = (answer: { status: number; body: { code?: string } }) => [answer.status, answer.body.code];

  it('refuses a missing, malformed, unknown and revoked key', async () => {
    const made = await admin().post('/api-keys', { tenant: tenant.slug, roles: ['tenant-admin'] });
    await new Client(made.body.key).get('/plugins');
    await admin().call('DELETE', `/api-keys/${made.body.id}`);
    const without = await fetch(`${tenant.base}/api/v1/plugins`);

    expect([without.status, ((await without.json()) as { code: string }).code]).toEqual([
      401,
      'UNAUTHENTICATED',
    ]);
    expect(coded(await new Client('nonsense').get('/plugins'))).toEqual([401, 'INVALID_CREDENTIAL']);
    expect(coded(await new Client(`mk_${'x'.repeat(43)}`).get('/plugins'))).toEqual([
      401,
      'INVALID_CREDENTIAL',
    ]);
    const deadline = Date.now() + 6_000;
    let revoked = await new Client(made.body.key).get('/plugins');
    while (revoked.status === 200 && Date.now() < deadline)
      revoked = await new Client(made.body.key).get('/plugins');
    expect(coded(revoked)).toEqual([401, 'INVALID_CREDENTIAL']);
  });

  it("refuses another tenant's name, things and powers", async () => {
    const other = await newTenant();

    expect(coded(await tenant.get('/plugins', { 'x-tenant-slug': other.slug }))).toEqual([
      403,
      'TENANT_NOT_HELD',
    ]);
    expect(coded(await tenant.get('/plugins', { 'x-tenant-slug': fresh() }))).toEqual([
      403,
      'TENANT_NOT_HELD',
    ]);
    expect(coded(await other.get(`/installations/${id}`))).toEqual([404, 'INSTALLATION_NOT_FOUND']);
    expect(coded(await other.execute(id, 'echo', 1))).toEqual([404, 'INSTALLATION_NOT_FOUND']);
    expect(coded(await tenant.post('/tenants', { slug: fresh(), name: 'x' }))).toEqual([403, 'FORBIDDEN']);
    expect(coded(await tenant.post('/quarantine', { versionId: id, reason: 'x' }))).toEqual([
      403,
      'FORBIDDEN',
    ]);
  });

  it('refuses bodies that are not JSON, too deep, too large or of another type', async () => {
    const path = `/installations/${id}/execute`;

    expect(coded(await tenant.post(path, '{"function":'))).toEqual([400, 'INVALID_JSON']);
    expect(coded(await tenant.post(path, `{"input":${'['.repeat(70)}${']'.repeat(70)}}`))).toEqual([
      400,
      'JSON_TOO_DEEP',
    ]);
    expect(coded(await tenant.post(path, JSON.stringify({ input: 'x'.repeat(1_100_000) })))).toEqual([
      413,
      'BODY_TOO_LARGE',
    ]);
    expect(coded(await tenant.post(path, '<x/>', { 'content-type': 'application/xml' }))).toEqual([
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ]);
    expect(coded(await tenant.post('/installations', '['.repeat(5_000), {}))).toEqual([400, 'JSON_TOO_DEEP']);
    expect(coded(await tenant.post('/installations', { plugin: 'x'.repeat(1_100_000) }))).toEqual([
      413,
      'BODY_TOO_LARGE',
    ]);
    const wrong = await tenant.post('/installations', { plugin: 7, surprise: 1 });
    expect(coded(wrong)).toEqual([400, 'INVALID_REQUEST']);
    expect(wrong.body.errors).toContainEqual(
      expect.objectContaining({ pointer: '/surprise', message: 'unknown property "surprise"' }),
    );
  });

  it('names the functions there are, and the wrong places of an input', async () => {
    const unknown = await tenant.execute(id, 'nope');
    const wrong = await tenant.execute(id, 'typed', { n: 'seven' });

    expect(coded(unknown)).toEqual([422, 'FUNCTION_NOT_FOUND']);
    expect(unknown.body.detail).toContain('echo');
    expect(coded(wrong)).toEqual([422, 'INPUT_INVALID']);
    expect(wrong.body.errors[0].pointer).toContain('/n');
  });

  it('refuses results that are not JSON', async () => {
    for (const fn of ['cyclic', 'big']) {
      const answer = await tenant.execute(id, fn);
      expect(coded(answer)).toEqual([422, 'EXECUTION_FAILED']);
      expect(answer.body.detail).toContain('cannot be written as JSON');
      expect((await tenant.ended(answer.body.executionId)).body).toMatchObject({
        status: 'failed',
        result: null,
      });
    }
  });

  it('refuses events without type and of reserved types', async () => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const event = { specversion: '1.0', id: fresh('e'), source: 'app', type: 'order.created', data: {} };

    const without = await tenant.post('/events', { ...event, type: undefined }, headers);
    const reserved = await tenant.post('/events', { ...event, type: 'plugin.uploaded' }, headers);

    expect(coded(without)).toEqual([422, 'EVENT_INVALID']);
    expect(without.body.errors[0].pointer).toBe('/type');
    expect(coded(reserved)).toEqual([422, 'EVENT_TYPE_RESERVED']);
  });

  it('refuses installs without the grants they need, and says which', async () => {
    const uploaded = await tenant.upload(
      archiveOf({
        main: 'export function a() {}',
        manifest: {
          permissions: [{ resource: 'http', actions: ['request'] }],
          network: { allow: ['api.example.com'] },
        },
      }),
    );
    const without = await tenant.post('/installations', { plugin: uploaded.body.plugin.id });

    expect(coded(without)).toEqual([409, 'GRANTS_MISSING']);
    expect(without.body.detail).toContain('http:request');
    expect((await tenant.get('/installations')).body.data).toHaveLength(1);
  });

  it('refuses config of the wrong type and of another reading, and keeps the one there is', async () => {
    const { id: configured } = await tenant.deploy(
      {
        main: 'export function a(input, ctx) { return ctx.config }',
        manifest: {
          config: { type: 'object', properties: { greeting: { type: 'string' } }, required: ['greeting'] },
        },
      },
      { greeting: 'moin' },
    );
    const etag = (await tenant.get(`/installations/${configured}`)).headers.get('etag') as string;
    const patch = (value: unknown, headers: Record<string, string>) =>
      tenant.call('PATCH', `/installations/${configured}/config`, { greeting: value }, headers);
    const [typed, unread, stale] = [
      await patch(7, { 'if-match': etag }),
      await patch('hi', {}),
      await patch('hi', { 'if-match': '"0"' }),
    ];

    expect(coded(typed)).toEqual([422, 'CONFIG_INVALID']);
    expect(typed.body.errors).toMatchObject([
      { pointer: '/greeting', message: 'expected a string, found 7' },
    ]);
    expect(coded(unread)).toEqual([428, 'PRECONDITION_REQUIRED']);
    expect(coded(stale)).toEqual([412, 'PRECONDITION_FAILED']);
    expect((await tenant.get(`/installations/${configured}`)).headers.get('etag')).toBe(etag);
    expect((await tenant.execute(configured, 'a')).body.result).toEqual({ greeting: 'moin' });
  });

  it('answers unknown paths and methods as problems', async () => {
    const nowhere = await tenant.get('/nowhere');
    const method = await tenant.call('DELETE', '/executions');

    expect(coded(nowhere)).toEqual([404, 'NOT_FOUND']);
    expect(nowhere.headers.get('content-type')).toContain('application/problem+json');
    expect(method.status).toBe(405);
    expect(method.headers.get('allow')).toContain('GET');
  });
});
