-- Telling Intune: who goes first, what is in hand, how fast we may, and what was given up.

-- How bad a state is for access to company data. States without a level say nothing bad.
create function health_severity (health text) returns integer language sql immutable parallel safe
  return case health when 'lowSeverity' then 1 when 'mediumSeverity' then 2 when 'highSeverity' then 3 else 0 end;

drop index intune_outbox_tenant_id_idx;
alter table intune_outbox
  drop column claimed_until,
  -- 0: worse than what Intune has; 1: another change; 2: sent once more.
  add column rank          smallint not null default 1 check (rank between 0 and 2),
  -- Order within a rank, the lowest first.
  add column place         bigint   not null default 0,
  -- Intune refused it: it travels with others like it, and is tried less and less often.
  add column refused       boolean  not null default false,
  add column refused_since timestamptz,
  -- Given up: next_attempt_at is infinity until the state changes or an operator resends it.
  add column dead_at       timestamptz,
  -- The message that the row is in; whoever has that message in hand has the row.
  add column message_id    uuid,
  add column sent_version  bigint,
  add column sent_health   text,
  -- LastUpdateTime of the newest message about the phone that Intune may have got.
  add column sent_at       timestamptz;
-- Putting a row into a message changes no index, so it can stay on its page.
alter table intune_outbox set (fillfactor = 70);
create index intune_outbox_rank_idx on intune_outbox (tenant_id, rank, place) where not refused;
create index intune_outbox_due_idx on intune_outbox (tenant_id, refused, next_attempt_at);
create index intune_outbox_dead_idx on intune_outbox (tenant_id, dead_at desc, device_id desc) where dead_at is not null;

-- Messages in hand. Who dies leaves them behind: another asks Intune what became of them.
create table intune_message (
  id            uuid        primary key,
  tenant_id     uuid        not null,
  created_at    timestamptz not null default now(),
  watched_until timestamptz not null
);
create index intune_message_tenant_id_idx on intune_message (tenant_id, watched_until);

-- When a tenant's budget of calls is full again, over all workers. Nothing is lost with it.
create unlogged table intune_budget (
  entra_tenant_id uuid        primary key,
  writes_at       timestamptz not null,
  calls_at        timestamptz not null
);

alter table intune_connector
  -- Host of the last failure, and until when it is left alone because it does not answer.
  add column failed_host        text,
  add column host_paused_until  timestamptz,
  -- Days of silence after which Intune ignores us, where it told us (partnerUnresponsivenessThresholdInDays).
  add column unresponsive_threshold_days integer,
  add column heartbeat_error    text,
  add column heartbeat_alarm_at timestamptz;

-- A phone that comes back under an Entra id that was told something about before.
create index device_retired_entra_device_id_idx on device (tenant_id, entra_device_id) where retired_at is not null;
