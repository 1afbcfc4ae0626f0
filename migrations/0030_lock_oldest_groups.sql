-- The oldest groups that nobody has in hand, locked, up to so many groups and reports. One after the other, so that what others
-- have in hand is passed over, however much it is, and none is locked that is not taken. In the order of the index: to sort them, all
-- that wait would be read for a few.
create function lock_oldest_groups (most_groups integer, most_reports integer) returns setof bigint
language plpgsql rows 32 set enable_sort = off as $$
declare
  next_group    record;
  taken_groups  integer := 0;
  taken_reports integer := 0;
begin
  for next_group in select id, reports from unscored_group order by received_at, id loop
    exit when taken_groups >= most_groups or taken_reports + next_group.reports > most_reports;
    perform from unscored_group where id = next_group.id for update skip locked;
    continue when not found;
    taken_groups := taken_groups + 1;
    taken_reports := taken_reports + next_group.reports;
    return next next_group.id;
  end loop;
end
$$;
