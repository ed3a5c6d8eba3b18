import { describe, expect, it } from 'vitest';
import { admin, newTenant } from './client.js';

describe('a tenant', () => {
  it('is renamed and given a retention of its own by the platform, not by its admin', async () => {
    const tenant = await newTenant();
    const operator = admin();
    const { body } = await operator.get('/tenants?limit=200');
    const { id } = body.data.find(({ slug }: { slug: string }) => slug === tenant.slug);

    const changed = await operator.call('PATCH', `/tenants/${id}`, { name: 'Renamed', retentionDays: 7 });
    const refused = await tenant.call('PATCH', `/tenants/${id}`, { retentionDays: 3_650 });
    const wrong = await operator.call('PATCH', `/tenants/${id}`, { retentionDays: 0 });

    expect([changed.status, changed.body]).toMatchObject([200, { id, name: 'Renamed', retentionDays: 7 }]);
    expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
    expect([wrong.status, wrong.body.errors]).toMatchObject([400, [{ pointer: '/retentionDays' }]]);
  });
});
