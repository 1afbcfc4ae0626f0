-- "Which phones have this app, this version of it, this signer, this version of the OS?", answered
-- by indexes that heartbeats never write to (docs/decisions/0006-which-phones.md).

-- What stands for the tenant in indexes of numbers.
alter table tenant add column number integer generated always as identity unique;

-- Fingerprints of the certificates an app is signed with: SHA-256, SHA-1, MD5, lower-case hex.
alter table app_build add column signers text[] not null default '{}';
update app_build b set signers = array(
  select distinct lower(regexp_replace(value, '[[:space:]:]', '', 'g'))
  from (values (b.app -> 'signingCertSha256'), (b.app -> 'signingCertSha1'), (b.app -> 'signingCertMd5')) as lists (list)
  cross join lateral jsonb_array_elements_text(case jsonb_typeof(list) when 'array' then list else '[]' end) as value
);
create index app_build_signers_idx on app_build using gin (signers);

-- Since when upkeep has found no phone that has it. Whoever gives it to a phone sets it back first.
alter table app_build add column unused_since timestamptz;
-- Upkeep looks at those first that it has not looked at for longest.
alter table app_build add column looked_at timestamptz not null default now();
create index app_build_looked_at_idx on app_build (looked_at);
create index app_build_unused_since_idx on app_build (unused_since) where unused_since is not null;

-- Each list is kept as a base, which is indexed and rarely rewritten, and what has changed since.
-- The index has 150 entries a phone; they would all be written anew each time an app is updated.
create table device_apps_change (
  device_id     uuid      primary key references device_apps (device_id) on delete cascade,
  tenant_number integer   not null,
  added         integer[] not null,
  removed       integer[] not null,
  -- What only this phone can know, such as when an app was installed; by app id.
  own           jsonb
);

alter table device_apps add column tenant_number integer;
update device_apps a set tenant_number = t.number from tenant t where t.id = a.tenant_id;
alter table device_apps alter column tenant_number set not null;
insert into device_apps_change (device_id, tenant_number, added, removed, own)
select device_id, tenant_number, '{}', '{}', own from device_apps where own is not null;
-- device_state has the digest; here it would be rewritten with every change. The number says as
-- much as the tenant's id, and twelve instead of eleven lists fit a page.
alter table device_apps drop column own, drop column digest, drop column tenant_id;

-- The tenant is one more number of the list, below zero: so the index itself leaves out others' phones,
-- without an extension for indexes on several types.
create index device_apps_builds_idx on device_apps using gin (array_append(builds, -tenant_number));
create index device_apps_change_added_idx on device_apps_change using gin (array_append(added, -tenant_number));

-- What the phone reports, null until it does. A column of its own, because an index on an
-- expression would be written to with every report that changes anything in the state. Bounded, for
-- an index entry must stay below 2,704 bytes.
alter table device_state add column os_version text generated always as (left(state #>> '{os,version}', 100)) stored;
create index device_state_os_version_idx on device_state (tenant_id, os_version, device_id);

-- One tenant's phones page by page, however many others' there are.
create index device_tenant_id_idx on device (tenant_id, id);

-- Nobody asks for devices by their last change any more.
drop index device_updated_at_idx;
