import { randomBytes } from 'node:crypto';
import type { Api } from './api.ts';
import type { Installed } from './history.ts';
import { archiveOf, jobs } from './plugin.ts';

/** A tenant of the workload with a credential of its own. */
export interface Tenant {
  id: string;
  slug: string;
  api: Api;
  installed: Installed[];
}

export const fresh = (prefix: string) => `${prefix}-${randomBytes(5).toString('hex')}`;

/** Makes the tenants and gives each its installations; the last one of each is the one that is changed all the time. */
export const setUp = (admin: Api, tenants: number, installations: number): Promise<Tenant[]> =>
  Promise.all(Array.from({ length: tenants }, () => newTenant(admin, installations)));

async function newTenant(admin: Api, installations: number): Promise<Tenant> {
  const slug = fresh('t');
  const made = await admin.must(() => admin.post('/tenants', { slug, name: slug }), [201]);
  const key = await admin.must(
    () => admin.post('/api-keys', { tenant: slug, roles: ['tenant-admin'] }),
    [201],
  );
  const api = admin.as(String(key.body.key));
  const installed: Installed[] = [];
  for (let index = 0; index < installations; index++)
    installed.push(await install(api, slug, index < installations - 1));
  return { id: String(made.body.id), slug, api, installed };
}

async function install(api: Api, tenant: string, steady: boolean): Promise<Installed> {
  const uploaded = await api.must(() => api.upload(archiveOf(fresh('p'))), [201]);
  const { plugin } = uploaded.body as { plugin: { id: string } };
  const made = await api.must(() => api.post('/installations', { plugin: plugin.id, grants: 'all' }), [201]);
  const id = String(made.body.id);
  await api.must(() => api.post(`/installations/${id}/activate`), [200]);
  return { id, tenant, steady, jobs };
}
