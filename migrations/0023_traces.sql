-- With which trace each report and each change goes on (W3C traceparent); null while nothing is traced.
alter table report_group  add column traces text[];
alter table intune_outbox add column trace  text;

-- What only the owner of the tables may be allowed to see: whose transaction is open for long, and where the data is. A path
-- says something to a client on the same machine only, so nobody else is told.
create function read_server_activity (out oldest_seconds float8, out oldest_application text, out data_directory text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$
    select extract(epoch from clock_timestamp() - oldest.xact_start)::float8, oldest.application_name,
      case when (inet_server_addr() is null or inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1') and pg_has_role(current_user, 'pg_read_all_settings', 'usage')
        then current_setting('data_directory') end
    from (select 1) one left join lateral (
      select xact_start, application_name from pg_stat_activity
      where datname = current_database() and xact_start is not null and pid <> pg_backend_pid() order by xact_start limit 1
    ) oldest on true
  $$;
revoke execute on function read_server_activity () from public;
