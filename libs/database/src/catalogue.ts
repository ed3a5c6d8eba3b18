import { serviceNames } from '@mortise/contracts';
import { connect } from './connection.js';

/** The one list of tables without tenant_id; every other table is behind row security. */
export const tablesWithoutTenant: readonly string[] = [
  'mortise.migrations',
  'gateway.tenants',
  'registry.dead_letters',
  ...serviceNames.map((service) => `${service}.outbox`),
];

const problems = `
  with t as (
    select c.oid, n.nspname as schema, n.nspname || '.' || c.relname as name, c.relispartition as child,
      c.relrowsecurity as enabled, c.relforcerowsecurity as forced, c.relacl as acl, c.relowner as owner,
      exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as tenant,
      (select array_agg(distinct r.rolname::text) from pg_policy p join pg_roles r on r.oid = any (p.polroles) where p.polrelid = c.oid) as policies
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname = any ($1)
  ), grants as (
    select t.name, t.schema, t.child, coalesce(r.rolname, 'public') as role
    from t cross join lateral aclexplode(t.acl) g left join pg_roles r on r.oid = g.grantee
    where g.grantee <> t.owner
  )
  select name || ' has tenant_id but row security is not enabled and forced' as problem
    from t where tenant and not (enabled and forced)
  union all select name || ' lacks the policies of ' || 'mortise_' || schema || ' and its system role'
    from t where tenant and not child and not coalesce(policies @> array['mortise_' || schema, 'mortise_' || schema || '_system'], false)
  union all select name || ' has no tenant_id and is not in tablesWithoutTenant'
    from t where not tenant and not child and not name = any ($2)
  union all select name || ' has tenant_id but is in tablesWithoutTenant'
    from t where tenant and name = any ($2)
  union all select listed || ' is in tablesWithoutTenant but does not exist'
    from unnest($2::text[]) listed where not exists (select from t where t.name = listed) and $3
  union all select name || ' is a partition with a grant to ' || role || ', which passes row security'
    from grants where child
  union all select name || ' has a grant to ' || role || ', which is no role of its service'
    from grants where not role in ('mortise_' || schema, 'mortise_' || schema || '_system')
  union all select format('%I has a grant on the schema to %s', n.nspname, coalesce(r.rolname, 'public'))
    from pg_namespace n cross join lateral aclexplode(n.nspacl) g left join pg_roles r on r.oid = g.grantee
    where n.nspname = any ($1) and n.nspname <> 'mortise' and g.grantee <> n.nspowner
      and coalesce(r.rolname, 'public') not in ('mortise_' || n.nspname, 'mortise_' || n.nspname || '_system')
  union all select 'role ' || rolname || ' may log in, bypass row security or inherit'
    from pg_roles where rolname like 'mortise\\_%' and rolname ~ ('^mortise_(' || array_to_string($1, '|') || ')(_system)?$')
      and (rolcanlogin or rolsuper or rolbypassrls or rolcreaterole)
  order by 1`;

/**
 * What the catalogue says against the rules of tenancy; empty when all is well. The test of each service and of the
 * whole house asserts that.
 * @param complete all services' migrations ran, so every name of the list must exist
 */
export async function catalogueProblems(url: string, complete = false): Promise<string[]> {
  const client = await connect(url, 'mortise-catalogue');
  try {
    const { rows } = await client.query<{ problem: string }>(problems, [
      ['mortise', ...serviceNames],
      tablesWithoutTenant,
      complete,
    ]);
    return rows.map(({ problem }) => problem);
  } finally {
    await client.end();
  }
}
