-- What the database roles need besides grants and policies, which `sallyport migrate` keeps
-- as src/platform/access/table-access.ts has them (docs/decisions/0025-row-level-security.md).

-- Whose rows the transaction is about; null: nobody's. Set by src/platform/tenant-scope.ts.
create function current_tenant_id () returns uuid language sql stable parallel safe
  return nullif(current_setting('sallyport.tenant_id', true), '')::uuid;

-- Whether the role that asks reads all tenants' journals, so that nothing need be kept from it.
-- Also right within functions that run as their owner.
create function sees_all_tenants () returns boolean language sql stable parallel safe
  return has_table_privilege(coalesce(nullif(current_setting('role'), 'none'), session_user::text), 'report_group', 'select');

-- Phones of a tenant with one of these builds. Under row-level security the indexes on lists
-- could not answer: their operators are not leakproof, so they wait behind the policy.
-- The numbers go into the text, for the planner then knows how common the builds are.
create function tenant_phones_with_build (tenant uuid, wanted integer[], after uuid) returns setof uuid
language plpgsql stable security definer
set search_path from current
as $$
declare
  number integer;
begin
  if tenant is distinct from current_tenant_id() and not sees_all_tenants() then return; end if;
  select t.number into number from tenant t where t.id = tenant;
  return query execute format($query$
    select a.device_id from device_apps a
    where array_append(a.builds, -a.tenant_number) && %1$L::integer[] and array_append(a.builds, -a.tenant_number) @> array[%2$L::integer] and a.device_id > %3$L::uuid
      -- Phone by phone: the planner takes the builds for ten times as common as they are, and would read all changes to join them.
      and coalesce((
        select c.removed is null or not c.removed && %1$L::integer[] or exists (select from unnest(a.builds) b where b = any(%1$L::integer[]) and b <> all(c.removed))
        from device_apps_change c where c.device_id = a.device_id), true)
    union
    select n.device_id from device_apps_change n
    where array_append(n.added, -n.tenant_number) && %1$L::integer[] and array_append(n.added, -n.tenant_number) @> array[%2$L::integer] and n.device_id > %3$L::uuid
    order by device_id
  $query$, wanted, -number, after);
end
$$;

-- Takes what a phone said out of the journal, line by line, so that what others said in the same
-- groups stays and is not seen by whoever may erase this phone.
create function erase_device_reports (device uuid) returns void
language plpgsql security definer
set search_path from current
as $$
begin
  if not sees_all_tenants() and not exists (select from device d where d.id = erase_device_reports.device and d.tenant_id = current_tenant_id()) then return; end if;
  with gone as (
    delete from report where device_id = erase_device_reports.device returning day, id
  ), lines as (
    select day, id / 1000 as group_id, array_agg(id % 1000 + 1) as numbers from gone group by day, id / 1000
  )
  update report_group g set
    body = (select string_agg(case when l.number = any(i.numbers) then 'null' else l.line end, E'\n' order by l.number)
      from string_to_table(g.body, E'\n') with ordinality as l(line, number)),
    repeated = (select array_agg(n::smallint) from (select unnest(g.repeated) as n union select unnest(i.numbers) - 1) r)
  from lines i
  where g.day = i.day and g.id = i.group_id;
end
$$;

-- Gives positions in the feeds of all tenants to changes that were committed and have none, up
-- to so many; answers how many there were. One at a time.
create function sequence_state_changes (most integer) returns bigint
language plpgsql security definer
set search_path from current
as $$
declare
  moved bigint;
begin
  -- By the index, which forgets what is dead sooner than the table does.
  perform id from state_change_waiting order by id limit 1;
  if not found then return 0; end if;
  perform pg_advisory_xact_lock(5411972116);
  -- A statement of its own, for it must see all that was committed before the lock was had. What
  -- is being erased is waited for: to leave it out could turn a phone's changes around.
  with next as (
    select id from state_change_waiting order by id limit most for update
  ), taken as (
    delete from state_change_waiting w using next where w.id = next.id returning w.*
  ), numbered as (
    select taken.*, row_number() over (partition by tenant_number order by id) as place, count(*) over (partition by tenant_number) as places from taken
  ), feed as (
    insert into state_feed as f (tenant_number, position) select tenant_number, count(*) from taken group by tenant_number order by tenant_number
    on conflict (tenant_number) do update set position = f.position + excluded.position
    returning f.tenant_number, f.position
  ), placed as (
    insert into state_change (position, tenant_number, device_id, entra_device_id, at, version, level, previous_level, reporting_state, previous_reporting_state, health, previous_health, score, reasons)
    select feed.position - places + place, n.tenant_number, device_id, entra_device_id, at, version, level, previous_level, reporting_state, previous_reporting_state, health, previous_health, score, reasons
    from numbered n join feed on feed.tenant_number = n.tenant_number order by id
    returning 1
  )
  select count(*) into moved from placed;
  return moved;
end
$$;

-- Days of the journal are tables, which only their owner makes and drops.
alter function create_journal_day (date) security definer set search_path from current;

-- Drops a day of the journal, unless a group of it is still to be scored: then false.
create function drop_journal_day (unwanted date) returns boolean
language plpgsql security definer
set search_path from current
-- Whoever reads the journal for longer is let finish.
set lock_timeout = '2s'
as $$
declare
  suffix text := to_char(unwanted, 'YYYYMMDD');
begin
  execute format('lock table %I in access exclusive mode', 'report_group_' || suffix);
  if exists (select from unscored_group where day = unwanted) then return false; end if;
  execute format('drop table %I, %I', 'report_' || suffix, 'report_group_' || suffix);
  return true;
end
$$;

-- Statistics after an import, which only the owner may have taken.
create function analyze_indicators () returns void language plpgsql security definer set search_path from current as $$
begin
  analyze indicator;
end
$$;

revoke execute on function tenant_phones_with_build (uuid, integer[], uuid), erase_device_reports (uuid), sequence_state_changes (integer), create_journal_day (date), drop_journal_day (date), analyze_indicators () from public;
