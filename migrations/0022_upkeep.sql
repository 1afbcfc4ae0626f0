-- What has to happen without anybody asking: one row a task. Whoever claims it does it, however many processes are told to.
create table upkeep_task (
  task          text             primary key,
  every_seconds double precision not null,
  -- Nobody needs to do it before.
  due_at        timestamptz      not null default now(),
  -- The run in hand, and how long its process may be silent about it.
  run_id        uuid,
  lease_until   timestamptz,
  started_at    timestamptz,
  -- Of the last run that came to an end.
  finished_at   timestamptz,
  seconds       double precision,
  outcome       text             check (outcome in ('done', 'failed')),
  error         text,
  result        jsonb,
  succeeded_at  timestamptz,
  runs          bigint           not null default 0,
  failures      bigint           not null default 0,
  -- Runs whose process died.
  abandoned     bigint           not null default 0,
  created_at    timestamptz      not null default now()
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Rows that live for seconds: a fifth of the largest such table ever was is too many dead ones.
alter table intune_outbox    set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table intune_message   set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
alter table rescoring_device set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table used_assertion   set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table signal           set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- Rows that each report of a phone changes: a fifth of a million phones would be 200,000 dead ones.
alter table device_state       set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
alter table device_apps_change set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
alter table finding            set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
