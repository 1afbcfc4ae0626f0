-- Functions that run as the owner look for temporary objects last. Unless pg_temp is named, it is searched first for tables, and
-- anybody who may call such a function can put a table of their own, with a trigger that then runs as the owner, in the place of ours.
do $$
declare
  definer regprocedure;
begin
  for definer in
    select p.oid from pg_proc p
    where p.pronamespace = current_schema()::regnamespace and p.prosecdef and coalesce(array_to_string(p.proconfig, ';'), '') !~ 'search_path=[^;]*pg_temp'
  loop
    -- Not pg_catalog by name: unnamed it is searched first all the same, and tables are made in the first schema that is named.
    execute format('alter function %s set search_path = %I, pg_temp', definer, current_schema());
  end loop;
end
$$;
