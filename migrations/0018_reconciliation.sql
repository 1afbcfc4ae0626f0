-- What Intune and Entra say of a tenant's phones, beside what the phones say themselves.

-- One row a tenant: what to compare, how far it is, and who does it now.
create table reconciliation (
  tenant_id             uuid        primary key references tenant (id) on delete cascade,
  due_at                timestamptz not null default now(),
  -- The worker that does the round in hand, until then.
  lease_id              uuid,
  lease_until           timestamptz,
  -- A round that has begun and is not finished.
  round_id              bigint,
  -- Somebody asked for a full round; with the lease, so that a wish that comes meanwhile is not lost.
  full_requested_at     timestamptz,
  full_at               timestamptz,
  -- Where Entra's changes go on; for the members of groups, of these groups.
  devices_delta         text,
  members_delta         text,
  members_delta_groups  uuid[],
  -- Everything is read of phones that checked in with Intune up to then.
  checked_in_until      timestamptz,
  -- A phone that is gone from Intune for so long is deactivated; null: never by itself.
  deactivate_after_days integer     check (deactivate_after_days > 0),
  -- Rounds in a row that could not read Intune at all.
  failures              integer     not null default 0
);
create index reconciliation_due_at_idx on reconciliation (due_at);

create table reconciliation_round (
  id          bigint      generated always as identity primary key,
  tenant_id   uuid        not null references tenant (id) on delete cascade,
  started_at  timestamptz not null default now(),
  finished_at timestamptz,
  is_full     boolean     not null,
  requested   boolean     not null default false,
  -- Part in hand and the link of its next page: where a worker that died is taken up.
  position    jsonb       not null,
  -- What became of each part: ok, or unknown and why.
  parts       jsonb       not null default '{}',
  counts      jsonb       not null default '{}'
);
create index reconciliation_round_tenant_id_idx on reconciliation_round (tenant_id, id);

-- Entra groups whose members' phones are expected here.
create table directory_group (
  number         integer     generated always as identity primary key,
  tenant_id      uuid        not null references tenant (id) on delete cascade,
  -- Object id or display name, as the operator gave it. Names are told apart by case.
  wanted         text        not null,
  entra_group_id uuid,
  name           text,
  -- Why there is no group id.
  fault          text,
  unique (tenant_id, wanted)
);

-- Users and devices, by Entra object id.
create table directory_member (
  group_number integer not null references directory_group (number) on delete cascade,
  member_id    uuid    not null,
  seen_round   bigint  not null,
  primary key (group_number, member_id)
);
create index directory_member_member_id_idx on directory_member (member_id);

-- A phone as Intune and Entra know it, whether or not it has enrolled here. Small: there is one for each.
-- Enumerations are Graph's own numbers (src/devices/directory-vocabulary.ts).
create table directory_device (
  tenant_number    integer     not null references tenant (number) on delete cascade,
  entra_device_id  uuid        not null,
  entra_object_id  uuid,
  intune_device_id uuid,
  user_id          uuid,
  -- Set while the phone is expected and has not enrolled; it becomes the device's id.
  pending_id       uuid,
  seen_round       bigint      not null,
  first_seen_at    timestamptz not null default now(),
  enrolled_at      timestamptz,
  checked_in_at    timestamptz,
  -- Not in Intune's list; one absence proves nothing.
  missing_since    timestamptz,
  vanished_at      timestamptz,
  removed_from_entra_at timestamptz,
  -- Intune's threat state is not the one it acknowledged.
  drift_since      timestamptz,
  healed_at        timestamptz,
  -- Check-in whose list of apps was taken (iOS App Sync).
  apps_of          timestamptz,
  -- The version that was sent again, and how often.
  heal_version     bigint,
  heals            smallint    not null default 0,
  platform         smallint    not null,
  owner_type       smallint,
  compliance       smallint,
  threat_state     smallint,
  device_name      text,
  serial_number    text,
  os_version       text,
  manufacturer     text,
  model            text,
  primary key (tenant_number, entra_device_id)
);
create unique index directory_device_pending_id_idx on directory_device (tenant_number, pending_id) where pending_id is not null;
create index directory_device_missing_idx on directory_device (tenant_number, missing_since) where missing_since is not null;
create index directory_device_drift_idx on directory_device (tenant_number, drift_since) where drift_since is not null;

-- What the directory says of a phone, beside what operators say, which counts more.
alter table device
  add column directory_ownership text check (directory_ownership in ('corporate', 'personal')),
  -- Numbers of directory_group.
  add column directory_groups integer[];

-- Groups of a phone as policies name them, by object id and by name.
create function directory_group_names (numbers integer[]) returns text[] language sql stable as $$
  select coalesce(array_agg(distinct text order by text), '{}')
  from directory_group g cross join lateral unnest(array[g.entra_group_id::text, g.name]) text
  where g.number = any (numbers) and text is not null
$$;

-- The connector as Graph shows it: its state there, and the administrator's switches.
alter table intune_connector
  add column partner_state text,
  add column partner_switches jsonb,
  add column partner_heartbeat_at timestamptz,
  -- Days of silence after which Intune ignores us.
  add column if not exists unresponsive_threshold_days integer,
  add column partner_read_at timestamptz,
  add column partner_read_error text;
