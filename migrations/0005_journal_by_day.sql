-- The journal, stored by day: what has expired is dropped a day at a time, and the bodies of a
-- group are one value, which costs a fraction of a row for each to write, compresses better,
-- and is read at once by whoever scores the group.

create schema journal_before;
alter table report set schema journal_before;
alter table report_group set schema journal_before;
alter table quarantined_report set schema journal_before;

create sequence report_group_id_seq;
select setval('report_group_id_seq', greatest((select max(id) from journal_before.report_group), 1));

-- One row a flush of the journal. Never changed, but to take out what was erased.
create table report_group (
  id          bigint      not null,
  day         date        not null,
  received_at timestamptz not null,
  -- Whose report stands in each line of the body.
  device_ids  uuid[]      not null,
  -- The vocabularies that reports were translated from; null where all are agents' own.
  sources     text[],
  -- A report a line, as it came. Null once it is not to be kept any longer.
  body        text,
  -- Lines that were in the journal before; they do not count.
  repeated    smallint[],
  primary key (id, day)
) partition by range (day);
alter table report_group alter column body set storage main;

-- What is known of a report without opening its group.
create table report (
  day          date        not null,
  device_id    uuid        not null,
  report_id    uuid        not null,
  -- 1000 times its group's id, and its line there, from 0.
  id           bigint      not null,
  tenant_id    uuid        not null,
  sequence     bigint      not null,
  collected_at timestamptz not null,
  has_apps     boolean     not null,
  -- The agent repeats a report until it is acknowledged.
  primary key (device_id, report_id, day)
) partition by range (day);

-- The groups that wait to be scored. Their jobs carry the id; this table, not the queue, is the truth.
create table unscored_group (
  id          bigint      primary key,
  day         date        not null,
  reports     integer     not null,
  received_at timestamptz not null
) with (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
create index unscored_group_received_at_idx on unscored_group (received_at, id);

-- Reports that could not be scored, each with the reason. Operators see and retry them, also when
-- their day has left the journal.
create table quarantined_report (
  id             bigint      primary key,
  tenant_id      uuid        not null,
  device_id      uuid        not null references device (id) on delete cascade,
  report_id      uuid        not null,
  received_at    timestamptz not null,
  body           text        not null,
  source         text,
  error          text        not null,
  quarantined_at timestamptz not null default now()
);
create index quarantined_report_tenant_id_idx on quarantined_report (tenant_id, id);
create index quarantined_report_device_id_idx on quarantined_report (device_id);

-- Makes the tables of a day (UTC). Attached rather than made in place: that waits for nobody who
-- reads or writes other days.
create function create_journal_day (wanted date) returns void language plpgsql as $$
declare
  parent text;
  child  text;
begin
  perform pg_advisory_xact_lock(hashtextextended('sallyport journal days', 0));
  foreach parent in array array['report_group', 'report'] loop
    child := parent || '_' || to_char(wanted, 'YYYYMMDD');
    if to_regclass(child) is null then
      execute format('create table %I (like %I including all, check (day = %L))', child, parent, wanted);
      execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, wanted, wanted + 1);
    end if;
  end loop;
end
$$;

-- LZ4 where the server has it: several times as fast as what is always there.
do $$
begin
  alter table report_group alter column body set compression lz4;
exception when feature_not_supported then null;
end
$$;

select create_journal_day(day) from (
  select distinct (received_at at time zone 'UTC')::date as day from journal_before.report_group
  union select (now() at time zone 'UTC')::date + ahead from generate_series(0, 3) ahead
) days;

with numbered as (
  select r.*, row_number() over (partition by group_id order by id) - 1 as line from journal_before.report r
), groups as (
  insert into report_group (id, day, received_at, device_ids, body)
  select g.id, (g.received_at at time zone 'UTC')::date, g.received_at, array_agg(n.device_id order by n.line), string_agg(n.body::text, E'\n' order by n.line)
  from journal_before.report_group g join numbered n on n.group_id = g.id group by g.id, g.received_at
), waiting as (
  insert into unscored_group (id, day, reports, received_at)
  select id, (received_at at time zone 'UTC')::date, reports, received_at from journal_before.report_group where scored_at is null
), aside as (
  insert into quarantined_report (id, tenant_id, device_id, report_id, received_at, body, error, quarantined_at)
  select n.group_id * 1000 + n.line, q.tenant_id, q.device_id, n.report_id, n.received_at, n.body::text, q.error, q.quarantined_at
  from journal_before.quarantined_report q join numbered n on n.id = q.report_id
)
insert into report (day, device_id, report_id, id, tenant_id, sequence, collected_at, has_apps)
select (g.received_at at time zone 'UTC')::date, n.device_id, n.report_id, n.group_id * 1000 + n.line, n.tenant_id, n.sequence, n.collected_at, n.body ? 'apps'
from numbered n join journal_before.report_group g on g.id = n.group_id;

drop schema journal_before cascade;
