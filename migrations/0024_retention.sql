-- no transaction
-- What is kept for so long and no longer (docs/decisions/0031-retention.md).

-- How far the history of judgements has been cut.
create table if not exists history_cut (
  only_row  boolean     primary key default true check (only_row),
  -- What was before this moment is not known any more; it is said before anything goes.
  kept_from timestamptz not null,
  -- Up to here everything has gone that goes.
  cut_to    timestamptz
);

-- By these the old ones are found without reading the tables.
create index concurrently if not exists level_change_at_idx       on level_change (at);
create index concurrently if not exists finding_resolved_at_idx   on finding (resolved_at) where status = 'resolved';
create index concurrently if not exists finding_version_until_idx on finding_version (until);
create index concurrently if not exists device_retired_at_idx     on device (retired_at) where retired_at is not null and erased_at is null;

-- How far each chain of the audit has been verified by the upkeep.
create table if not exists audit_check (
  chain         uuid        primary key,
  -- The last entry that was in order, in turn; it must stay as it is for ever.
  number        bigint      not null default 0,
  hash          bytea       not null default decode(repeat('00', 32), 'hex'),
  checked_at    timestamptz,
  -- From the first entry to the last: where the walk that is under way has come, and when the last one ended.
  whole_number  bigint,
  whole_hash    bytea,
  whole_faults  jsonb       not null default '[]',
  whole_at      timestamptz,
  created_at    timestamptz not null default now(),
  -- What is wrong, as far as is known.
  faults        jsonb       not null default '[]',
  fault_count   integer     not null default 0
);

-- A day of the journal may be maintained by whoever may maintain the journal.
create or replace function create_journal_day (wanted date) returns void language plpgsql security definer set search_path from current as $$
declare
  parent  text;
  child   text;
  grantee text;
begin
  perform pg_advisory_xact_lock(hashtextextended('sallyport journal days', 0));
  foreach parent in array array['report_group', 'report'] loop
    child := parent || '_' || to_char(wanted, 'YYYYMMDD');
    if to_regclass(child) is null then
      execute format('create table %I (like %I including all, check (day = %L))', child, parent, wanted);
      for grantee in
        select g.grantee::regrole::text from pg_class c cross join lateral aclexplode(c.relacl) g
        where c.oid = parent::regclass and g.privilege_type = 'MAINTAIN' and g.grantee not in (0, c.relowner)
      loop
        execute format('grant maintain on %I to %s', child, grantee);
      end loop;
      execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, wanted, wanted + 1);
    end if;
  end loop;
end
$$;
