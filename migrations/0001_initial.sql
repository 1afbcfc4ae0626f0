-- Sallyport's first schema. Forward only: a change is a new file.

create table tenant (
  id              uuid        primary key default gen_random_uuid(),
  name            text        not null,
  entra_tenant_id uuid        not null unique,
  created_at      timestamptz not null default now()
);

-- Access tokens are signed with the newest key and verified with any that is not retired.
create table signing_key (
  id         text        primary key,
  secret     bytea       not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);

-- Operators' API keys; only the hash is kept. tenant_id null: the whole platform.
create table api_key (
  id           uuid        primary key default gen_random_uuid(),
  tenant_id    uuid        references tenant (id) on delete cascade,
  name         text        not null,
  role         text        not null check (role in ('viewer', 'analyst', 'admin', 'platform-admin')),
  key_hash     bytea       not null unique,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  check ((tenant_id is null) = (role = 'platform-admin'))
);

create table enrollment_token (
  id         uuid        primary key default gen_random_uuid(),
  tenant_id  uuid        not null references tenant (id) on delete cascade,
  token_hash bytea       not null unique,
  label      text        not null,
  platform   text        check (platform in ('android', 'ios', 'ipados')),
  max_uses   integer     check (max_uses > 0),
  uses       integer     not null default 0,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  check (max_uses is null or uses <= max_uses)
);
create index enrollment_token_tenant_id_idx on enrollment_token (tenant_id, created_at);

-- Who a phone is. What it said and what that means is in device_state.
create table device (
  id               uuid        primary key default gen_random_uuid(),
  tenant_id        uuid        not null references tenant (id) on delete cascade,
  entra_device_id  uuid        not null,
  intune_device_id uuid,
  platform         text        not null check (platform in ('android', 'ios', 'ipados')),
  os_version       text,
  manufacturer     text,
  model            text,
  serial_number    text,
  public_key       jsonb       not null,
  enrolled_at      timestamptz not null default now(),
  -- Access tokens issued before this moment no longer count ('infinity': none do).
  tokens_valid_from timestamptz not null default '-infinity',
  revoked_at       timestamptz,
  -- Set when the wiped phone came back under another Entra id.
  retired_at       timestamptz,
  -- Set when the device was erased: the bare row stays until Intune knows, then upkeep removes it.
  erased_at        timestamptz,
  updated_at       timestamptz not null default now()
);
create unique index device_entra_device_id_idx on device (tenant_id, entra_device_id) where retired_at is null;
create index device_serial_number_idx on device (tenant_id, serial_number) where serial_number is not null;
create index device_updated_at_idx on device (updated_at);

-- A private_key_jwt assertion is good once (RFC 7523, section 3, jti).
create table used_assertion (
  device_id  uuid        not null references device (id) on delete cascade,
  jti        text        not null,
  expires_at timestamptz not null,
  primary key (device_id, jti)
);
create index used_assertion_expires_at_idx on used_assertion (expires_at);

-- One row a flush of the journal: the unit that a score job works on.
create table report_group (
  id          bigint      generated always as identity primary key,
  reports     integer     not null,
  received_at timestamptz not null default now(),
  scored_at   timestamptz
);
create index report_group_unscored_idx on report_group (received_at) where scored_at is null;

-- The journal: every acknowledged report as it came.
create table report (
  id           bigint      generated always as identity primary key,
  group_id     bigint      not null references report_group (id) on delete cascade,
  tenant_id    uuid        not null,
  device_id    uuid        not null references device (id) on delete cascade,
  report_id    uuid        not null,
  sequence     bigint      not null,
  collected_at timestamptz not null,
  received_at  timestamptz not null default now(),
  -- Digest of the app list that this report leaves behind, where it says so itself.
  apps_digest  text,
  body         jsonb       not null,
  -- The agent repeats a report until it is acknowledged.
  unique (device_id, report_id)
);
create index report_group_id_idx on report (group_id);

-- Reports that could not be scored, each with the reason. Operators see and retry them.
create table quarantined_report (
  report_id      bigint      primary key references report (id) on delete cascade,
  tenant_id      uuid        not null,
  device_id      uuid        not null,
  error          text        not null,
  quarantined_at timestamptz not null default now()
);
create index quarantined_report_tenant_id_idx on quarantined_report (tenant_id, quarantined_at);

-- Merged telemetry, the judgement on it, and what Intune has been told.
create table device_state (
  device_id         uuid        primary key references device (id) on delete cascade,
  tenant_id         uuid        not null,
  sequence          bigint      not null default -1,
  -- Everything merged but the apps, which are most of it and change least: a heartbeat
  -- must not rewrite them.
  state             jsonb       not null,
  apps              jsonb,
  apps_digest       text,
  -- The base of a delta was unknown: the agent is asked for these sections again.
  resend            text[]      not null default '{}',
  reporting_state   text        not null default 'pending'
                    check (reporting_state in ('pending', 'activated', 'unresponsive', 'misconfigured', 'deactivated')),
  level             text        check (level in ('secured', 'low', 'medium', 'high')),
  level_since       timestamptz,
  coverage          text[]      not null default '{}',
  last_report_at    timestamptz,
  assessed_at       timestamptz,
  -- When the judgement changes by itself: an event's lifetime ends.
  due_at            timestamptz,
  -- Intune: what we want it to have, and what it has acknowledged.
  desired_health    text,
  desired_version   bigint      not null default 0,
  reported_health   text,
  reported_version  bigint      not null default 0,
  acknowledged_at   timestamptz,
  last_sync_error   text,
  -- Newest LastUpdateTime sent for this device; the next one is later, whatever worker sends it.
  last_update_time  timestamptz
);
create index device_state_tenant_id_idx on device_state (tenant_id, level);
create index device_state_due_at_idx on device_state (due_at) where due_at is not null;

create table finding (
  id           uuid        primary key default gen_random_uuid(),
  tenant_id    uuid        not null,
  device_id    uuid        not null references device (id) on delete cascade,
  detection    text        not null,
  rule_version integer     not null,
  category     text        not null,
  severity     text        not null check (severity in ('audit', 'low', 'medium', 'high')),
  raises_level boolean     not null,
  subject      text        not null,
  title        text        not null,
  evidence     jsonb       not null,
  intel        jsonb,
  attack       text[]      not null,
  remediation  jsonb       not null,
  status       text        not null default 'open' check (status in ('open', 'resolved', 'suppressed')),
  first_seen   timestamptz not null,
  last_seen    timestamptz not null,
  expires_at   timestamptz,
  resolved_at  timestamptz
);
-- A retried job must not raise the same finding twice.
create unique index finding_open_idx on finding (device_id, detection, subject) where status <> 'resolved';
create index finding_tenant_id_idx on finding (tenant_id, first_seen, id);
create index finding_device_id_idx on finding (device_id);

create table level_change (
  id          bigint      generated always as identity primary key,
  tenant_id   uuid        not null,
  device_id   uuid        not null references device (id) on delete cascade,
  at          timestamptz not null,
  from_level  text,
  to_level    text        not null,
  -- The findings behind the new level: id, detection, subject, severity.
  findings    jsonb       not null
);
create index level_change_device_id_idx on level_change (device_id, at);

-- Devices whose state Intune does not have yet; one row a device, so only the last state is sent.
create table intune_outbox (
  device_id       uuid        primary key references device (id) on delete cascade,
  tenant_id       uuid        not null,
  version         bigint      not null,
  health          text        not null,
  enqueued_at     timestamptz not null default now(),
  attempts        integer     not null default 0,
  next_attempt_at timestamptz not null default now(),
  -- A worker that sends this row owns it until then.
  claimed_until   timestamptz,
  last_error      text
);
create index intune_outbox_tenant_id_idx on intune_outbox (tenant_id, next_attempt_at);

-- The connection of a tenant to Intune.
create table intune_connector (
  tenant_id        uuid        primary key references tenant (id) on delete cascade,
  state            text        not null default 'not-provisioned'
                   check (state in ('not-provisioned', 'provisioned', 'deprovisioned', 'failed')),
  provisioned_at   timestamptz,
  heartbeat_at     timestamptz,
  heartbeat_due_at timestamptz not null default now(),
  resync_timestamp timestamptz,
  last_error       text,
  last_error_at    timestamptz,
  -- The tenant is left alone until then: throttled, away, or refusing us; tries in a row so far.
  retry_at         timestamptz,
  attempts         integer     not null default 0,
  -- What Intune said about earlier uploads with the last heartbeat that said anything.
  message_errors   jsonb
);

create table intel_feed (
  name        text        primary key,
  format      text        not null,
  imported_at timestamptz not null,
  sha256      text        not null,
  entries     integer     not null,
  skipped     jsonb       not null,
  -- Bundled with Sallyport and kept up to date by it.
  bundled     boolean     not null default false
);

create table indicator (
  id           bigint      generated always as identity primary key,
  feed         text        not null references intel_feed (name) on delete cascade,
  type         text        not null,
  value        text        not null,
  role         text        not null,
  threat_class text        not null,
  family       text        not null,
  valid_from   timestamptz,
  valid_until  timestamptz,
  confidence   smallint,
  first_seen   timestamptz not null default now(),
  unique (feed, type, value, family, role)
);
create index indicator_value_idx on indicator (value);

create table vulnerability (
  feed           text     not null references intel_feed (name) on delete cascade,
  platform       text     not null check (platform in ('android', 'ios', 'ipados')),
  cve            text     not null,
  severity       text     check (severity in ('critical', 'high', 'medium', 'low')),
  exploited      boolean  not null,
  kev_date_added date,
  kev_due_date   date,
  fixed_in       text[]   not null,
  part           text     check (part in ('platform', 'kernel-vendor')),
  primary key (feed, platform, cve)
);

-- One row. Rises in the same transaction as any change of indicators or vulnerabilities.
create table intel_version (
  only_row boolean primary key default true check (only_row),
  version  bigint  not null
);
insert into intel_version (version) values (0);

-- Who did what, for the record.
create table audit_event (
  id        bigint      generated always as identity primary key,
  tenant_id uuid,
  at        timestamptz not null default now(),
  actor     text        not null,
  action    text        not null,
  subject   text,
  detail    jsonb       not null default '{}'
);
create index audit_event_tenant_id_idx on audit_event (tenant_id, id);
