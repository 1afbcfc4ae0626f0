-- The feed of changes of phones' states, in an order that readers can count on.
-- docs/decisions/0021-state-change-feed.md

-- Written in the transaction that changes a phone's state. The ids of one phone are in the order
-- of its commits, for its state is locked meanwhile; those of different phones are not, so
-- whoever reads by id would miss what commits late. Hence nobody reads here but the sequencer.
create table state_change_waiting (
  -- No cache: numbers that a session keeps for later would turn two changes of one phone around.
  id                       bigint      generated always as identity (cache 1) primary key,
  -- The tenant's number says as much as its id in a quarter of the bytes.
  tenant_number            integer     not null,
  device_id                uuid        not null,
  entra_device_id          uuid        not null,
  at                       timestamptz not null,
  -- The device's desired_version; it stays when the level changed but not what Intune is told.
  version                  integer     not null,
  level                    text,
  previous_level           text,
  reporting_state          text        not null,
  previous_reporting_state text        not null,
  health                   text        not null,
  previous_health          text,
  score                    smallint,
  -- The worst open findings behind the level: [detection, severity, subject or null].
  reasons                  jsonb
);
-- Rows stay for seconds, so the table is small if what is dead is soon taken away.
alter table state_change_waiting set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);

-- What readers see: moved here by the sequencer, which gives each tenant's changes positions
-- without a gap, in the order of their commits. Append only, so it has no more indexes than this.
-- No reference to the device: that it was erased must reach readers when its row is gone.
create table state_change (
  position                 bigint      not null,
  tenant_number            integer     not null,
  version                  integer     not null,
  device_id                uuid        not null,
  entra_device_id          uuid        not null,
  at                       timestamptz not null,
  score                    smallint,
  level                    text,
  previous_level           text,
  reporting_state          text        not null,
  previous_reporting_state text        not null,
  health                   text        not null,
  previous_health          text,
  reasons                  jsonb,
  primary key (tenant_number, position)
);

-- How far each tenant's feed has come, and how much of it is no longer kept.
create table state_feed (
  tenant_number    integer primary key,
  position         bigint  not null default 0,
  -- Changes up to and with this position were deleted.
  dropped_position bigint  not null default 0
);
