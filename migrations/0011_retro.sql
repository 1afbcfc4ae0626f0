-- A change of the intelligence finds the phones that it concerns, and only those are judged anew
-- (docs/decisions/0013-acting-on-a-change.md).

-- What a phone's state names that an indicator may name too: hosts, addresses, files, processes, profiles, as 32-bit
-- hashes (src/devices/retro/observables.ts). Phones without any have no row.
create table device_observable (
  device_id uuid      primary key references device_state (device_id) on delete cascade,
  hashes    integer[] not null
);
create index device_observable_hashes_idx on device_observable using gin (hashes);

-- Null: not known yet, it came before this column. A column of its own, because an index on an expression of the state would be
-- written to with every report. No default: no row is rewritten.
alter table device_state add column patch_level text;
create index device_state_system_idx on device_state (os_version, coalesce(patch_level, ''));

create index app_build_sha256_idx on app_build ((app ->> 'sha256')) where app ->> 'sha256' is not null;
create index app_build_sha1_idx on app_build ((app ->> 'sha1')) where app ->> 'sha1' is not null;
create index app_build_md5_idx on app_build ((app ->> 'md5')) where app ->> 'md5' is not null;

-- What open findings rest on.
create index finding_indicator_idx on finding ((intel ->> 'indicator')) where status <> 'resolved' and intel is not null;
create index finding_subject_idx on finding (subject) where status <> 'resolved' and category in ('os', 'app');

create index indicator_valid_from_idx on indicator (valid_from) where valid_from is not null;

-- Phones that a change concerns, until they are judged by that version of the intelligence or a newer one.
create table rescoring (
  id            bigint      generated always as identity primary key,
  intel_version bigint      not null,
  -- How many changes it is about; null: everything, so the whole fleet is.
  changes       integer,
  found         integer     not null default 0,
  -- The whole fleet is taken in the order of its ids, up to here; null: there is nothing more to take.
  next_device   uuid,
  started_at    timestamptz not null default now(),
  finished_at   timestamptz
);
create index rescoring_open_idx on rescoring (id) where finished_at is null;
create table rescoring_device (
  device_id     uuid        primary key,
  rescoring_id  bigint      not null references rescoring (id) on delete cascade,
  intel_version bigint      not null,
  handed_at     timestamptz
);
create index rescoring_device_waiting_idx on rescoring_device (rescoring_id, device_id) where handed_at is null;
create index rescoring_device_handed_idx on rescoring_device (handed_at) where handed_at is not null;
create index rescoring_device_rescoring_id_idx on rescoring_device (rescoring_id);

-- Up to when indicators whose time comes later were looked at.
alter table intel_version add column valid_from_seen timestamptz not null default now();
-- What was imported before and not acted on yet.
insert into intel_change (intel_version, kind) select version, 'all' from intel_version where reassessed_version < version;
