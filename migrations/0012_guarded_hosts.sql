-- What operators changed about the hosts that no feed can condemn as a whole
-- (docs/decisions/0015-meaning-of-indicators.md). The list itself is part of the program.
create table guarded_host (
  -- As indicators have it: a host name in ASCII, or an address.
  host       text        primary key,
  -- False: lifted from the list.
  guarded    boolean     not null,
  reason     text        not null,
  changed_by text        not null,
  changed_at timestamptz not null default now()
);
