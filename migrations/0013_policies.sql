-- What organisations decide about risk, and enough history to answer "why?" for any past moment
-- (docs/decisions/0016-policy-inheritance.md, 0017-history-of-judgements.md).

alter table tenant
  -- Of the document in force; 0: none, the built-in policy alone.
  add column policy_version bigint not null default 0,
  -- Rises with every change of what the tenant's phones are judged by: policy or suppressions.
  add column rules_version  bigint not null default 0;

-- Every version of a tenant's policy.
create table policy (
  tenant_id  uuid        not null references tenant (id) on delete cascade,
  version    bigint      not null check (version > 0),
  document   jsonb       not null,
  -- As its author wrote it: YAML or JSON.
  source     text        not null,
  author     text        not null,
  comment    text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, version)
);

-- Decisions that findings do not count for a while. Kept when they are over, for the record.
create table suppression (
  id         uuid        primary key default gen_random_uuid(),
  tenant_id  uuid        not null references tenant (id) on delete cascade,
  -- Null: any. A subject may end in *.
  detection  text,
  subject    text,
  -- One phone, or the phones of a policy's group; both null: all of the tenant.
  device_id  uuid        references device (id) on delete cascade,
  group_name text,
  reason     text        not null check (reason in ('wont-fix', 'false-positive', 'accepted-risk')),
  comment    text        not null,
  owner      text        not null,
  created_by text        not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_by text,
  check (detection is not null or subject is not null),
  check (device_id is null or group_name is null)
);
create index suppression_tenant_id_idx on suppression (tenant_id, created_at, id);
create index suppression_device_id_idx on suppression (device_id) where device_id is not null;

-- What a policy's groups ask of a phone.
alter table device
  add column ownership    text   check (ownership in ('corporate', 'personal')),
  add column tags         text[] not null default '{}',
  add column entra_groups text[] not null default '{}';

-- Which sections phones told of, and which detections nobody can answer for them: the same few for whole fleets.
create table coverage_set (
  id        integer generated always as identity primary key,
  hash      bytea   not null unique,
  sections  text[]  not null,
  undecided text[]  not null
);
insert into coverage_set (hash, sections, undecided)
select sha256(convert_to(coverage::text, 'UTF8')), coverage, '{}' from device_state group by coverage;

alter table device_state
  add column coverage_id    integer references coverage_set (id),
  -- 0 to 100, for sorting.
  add column score          smallint,
  add column policy_version bigint,
  -- What the judgement was made by (rules, intelligence, policy) and when time alone changes it: while
  -- both hold, only what a report changes is judged anew. Null: everything is.
  add column judged_by      bytea,
  add column changes_at     timestamptz;
update device_state s set coverage_id = c.id from coverage_set c where c.hash = sha256(convert_to(s.coverage::text, 'UTF8')) and s.assessed_at is not null;
alter table device_state drop column coverage;

alter table finding
  add column suppressed_by uuid,
  -- Since when it reads as it does; null: since it was first seen.
  add column since         timestamptz,
  -- When this subject last alerted; earlier than first_seen: it came back within its quiet time.
  add column alerted_at    timestamptz;

-- How findings read before they changed.
create table finding_version (
  finding_id uuid        not null,
  device_id  uuid        not null references device (id) on delete cascade,
  since      timestamptz not null,
  until      timestamptz not null,
  finding    jsonb       not null,
  primary key (finding_id, since)
);
create index finding_version_device_id_idx on finding_version (device_id, since);

-- A row for each change of level, and for each change of what the level rests on (then both are the same).
alter table level_change
  add column score           smallint,
  add column reporting_state text,
  add column coverage_id     integer,
  add column policy_version  bigint,
  add column intel_version   bigint,
  add column groups          text[];

-- Phones are judged anew for a policy as well, the newest telemetry first.
alter table rescoring
  add column cause         text   not null default 'intel' check (cause in ('intel', 'policy', 'suppression')),
  add column tenant_id     uuid   references tenant (id) on delete cascade,
  add column rules_version bigint not null default 0;
alter table rescoring_device
  add column rules_version bigint  not null default 0,
  add column place         integer not null default 0;
drop index rescoring_device_waiting_idx;
create index rescoring_device_waiting_idx on rescoring_device (rescoring_id, place, device_id) where handed_at is null;

-- What a policy would change, answered by a worker from what is stored.
create table policy_preview (
  id          uuid        primary key default gen_random_uuid(),
  tenant_id   uuid        not null references tenant (id) on delete cascade,
  document    jsonb       not null,
  requested_by text       not null,
  created_at  timestamptz not null default now(),
  started_at  timestamptz,
  devices     integer     not null default 0,
  finished_at timestamptz,
  result      jsonb,
  error       text
);
create index policy_preview_created_at_idx on policy_preview (created_at);
