-- What the admin of the tenant has set, over what the manifest says.
alter table installations add column limits jsonb not null default '{}';
