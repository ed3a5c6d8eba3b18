-- Days that the tenant's executions and logs are kept; null: as long as the platform keeps them.
alter table tenants add column retention_days integer check (retention_days between 1 and 3650);
