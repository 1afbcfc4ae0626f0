-- Which of a device's access tokens count is told by a number that they carry, not by a time: the
-- clocks of several API machines differ.
alter table device add column credentials_version integer not null default 0;
-- The transaction that last changed them. A snapshot knows which transactions it cannot see yet, so
-- that whoever follows the changes misses none, however late it commits.
alter table device add column credentials_changed_in xid8;
create index device_credentials_changed_in_idx on device (credentials_changed_in) where credentials_changed_in is not null;

-- What was cut off by time goes on being cut off: those phones fetch a new token.
update device set credentials_version = 1, credentials_changed_in = pg_current_xact_id()
where tokens_valid_from > now() - interval '25 hours';

-- How often busy callers came, over all API processes. Losing it costs one window's counts.
create unlogged table rate_count (
  -- Minutes since 1970.
  "window" bigint  not null,
  key      text    not null,
  count    integer not null,
  primary key ("window", key)
) with (fillfactor = 50);
