import { buildCase, classOf, packageCases } from '@mortise/bundle/corpus';
import { beforeAll, describe, expect, it } from 'vitest';
import { fresh, newTenant, type Client } from './client.js';

// The reader's own suite holds every case, too; here they come in as strangers send them.
describe('hostile packages over HTTP', () => {
  let tenant: Client;
  beforeAll(async () => {
    tenant = await newTenant();
  });
  const published = async () => (await tenant.get('/plugins?limit=200')).body.data.length as number;

  it.each(
    packageCases.filter(({ expect: outcome }) => outcome !== 'accepted').map((one) => [one.id, one] as const),
  )('refuses %s and keeps nothing of it', async (_id, one) => {
    const answer = await tenant.upload(buildCase(one, fresh('c')));

    expect(answer.status, JSON.stringify(answer.body)).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(classOf({ code: answer.body.code, errors: answer.body.errors ?? [] })).toBe(one.expect);
  });

  it('kept nothing of all of them', async () => {
    expect(await published()).toBe(0);
  });

  it.each(
    packageCases.filter(({ expect: outcome }) => outcome === 'accepted').map((one) => [one.id, one] as const),
  )('accepts the harmless %s', async (_id, one) => {
    const answer = await tenant.upload(buildCase(one, fresh('c')));

    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  });
});
