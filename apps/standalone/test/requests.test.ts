import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fresh, newTenant, type Client } from './client.js';
import { inside, site } from './sites.js';

const main = `
export async function stock({ url }) {
  const answer = await fetch(url, { headers: { authorization: 'Bearer {{secret:TOKEN}}' } });
  const body = await answer.json();
  console.log('asked with ' + body.authorization);
  return { status: answer.status, authorization: body.authorization };
}
export async function ask({ url }) { return (await fetch(url)).status; }
`;

describe('a plugin that asks another service', () => {
  const secret = `s3cr3t-${fresh()}`;
  let server: Server;
  let received: IncomingHttpHeaders[];
  let tenant: Client;
  let base: string;
  let id: string;
  beforeAll(async () => {
    server = createServer(({ headers }, response) => {
      received.push(headers);
      response.end(JSON.stringify({ authorization: headers.authorization ?? null }));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    base = `http://${site}:${port}`;
    tenant = await newTenant();
    ({ id } = await tenant.deploy({
      main,
      manifest: {
        permissions: [{ resource: 'http', actions: ['request'], reason: 'Looks up stock' }],
        network: { allow: [`${site}:${port}`, inside] },
        secrets: [{ key: 'TOKEN' }],
      },
    }));
    await tenant.call('PUT', `/installations/${id}/secrets/TOKEN`, { value: secret });
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    received = [];
  });

  it('has its secret sent along without ever seeing it, and its use counted', async () => {
    const answer = await tenant.execute(id, 'stock', { url: `${base}/items/1` });

    expect(answer.body).toMatchObject({ result: { status: 200, authorization: 'Bearer ***' } });
    expect(received).toMatchObject([{ host: new URL(base).host, authorization: `Bearer ${secret}` }]);
    const { executionId } = answer.body;
    const record = await tenant.ended(executionId);
    expect(record.body.usage.networkRequests).toBe(1);
    const logs = await until(async () => {
      const { body } = await tenant.get(`/executions/${executionId}/logs`);
      return body.data.length > 0 && JSON.stringify(body);
    }, 'its log line');
    expect(logs).toContain('asked with Bearer ***');
    expect(JSON.stringify(record.body)).not.toContain(secret);
  });

  it.each([
    ['off its list', 'http://other.example.com/', 403, 'SECURITY_VIOLATION'],
    ['in a private network', `https://${inside}/`, 422, 'NETWORK_REFUSED'],
  ])('is refused a host %s', async (_where, url, status, code) => {
    const answer = await tenant.execute(id, 'ask', { url });

    expect([answer.status, answer.body.details?.code ?? answer.body.code]).toEqual([status, code]);
    expect(received).toEqual([]);
  });

  it('asks no more once an admin has taken the permission back', async () => {
    const { body: granted } = await tenant.get(`/installations/${id}/grants`);
    const [grant] = (granted.data ?? granted) as { id: string }[];
    const revoked = await tenant.call('DELETE', `/installations/${id}/grants/${grant?.id}`);
    expect(revoked.status).toBeLessThan(300);

    const refused = await until(async () => {
      const { status, body } = await tenant.execute(id, 'ask', { url: base });
      return status !== 200 && [status, body.code];
    }, 'it is refused');
    expect(refused).toEqual([403, 'PERMISSION_DENIED']);
  });
});
