-- Feeds have versions, and every claim knows in which of them it came and last changed
-- (docs/decisions/0011-imports.md). New columns have constant defaults: no table is rewritten.

-- Network values: the port that is meant, 0 for any. Where to read more.
alter table indicator
  add column port            integer not null default 0,
  add column refs            text[],
  -- Numbers of the feed's versions in which the row came, and last changed.
  add column since_version   integer not null default 1,
  add column changed_version integer not null default 1;
alter table indicator drop constraint indicator_feed_type_value_family_role_key;
alter table indicator add constraint indicator_feed_type_value_family_role_port_key unique (feed, type, value, family, role, port);

alter table intel_feed
  -- Rises with each import that changed something.
  add column version           integer not null default 1,
  -- What the publisher says of this version, where the file says so.
  add column published_at      timestamptz,
  add column publisher_version text,
  -- Unique values by type, and vulnerabilities.
  add column by_type           jsonb   not null default '{}';
update intel_feed f set by_type = coalesce((
  select jsonb_object_agg(type, number) from (
    select type, count(distinct value) as number from indicator where feed = f.name group by type
    union all
    select 'vulnerability', count(distinct cve) from vulnerability where feed = f.name having count(*) > 0
  ) counts), '{}');

-- What each version of a feed was and changed. Goes with its feed.
create table intel_feed_version (
  feed              text        not null references intel_feed (name) on delete cascade,
  version           integer     not null,
  sha256            text        not null,
  format            text        not null,
  imported_at       timestamptz not null,
  -- Who did it: an operator's key, a subscription, the command line; null: not known.
  imported_by       text,
  published_at      timestamptz,
  publisher_version text,
  added             integer     not null,
  updated           integer     not null,
  unchanged         integer     not null,
  withdrawn         integer     not null,
  entries           integer     not null,
  primary key (feed, version)
);
insert into intel_feed_version (feed, version, sha256, format, imported_at, added, updated, unchanged, withdrawn, entries)
select name, 1, sha256, format, imported_at, entries, 0, 0, 0, entries from intel_feed;

-- Which values a version of the intelligence added, changed or withdrew: whoever re-checks phones
-- reads what is newer than he has worked through, and deletes it afterwards. Vulnerabilities have
-- the type 'vulnerability' and their CVE id. One row of the kind 'all' stands for more than can be listed.
create table intel_change (
  id            bigint generated always as identity primary key,
  intel_version bigint not null,
  kind          text   not null check (kind in ('added', 'updated', 'withdrawn', 'all')),
  type          text,
  value         text,
  check ((kind = 'all') = (type is null) and (kind = 'all') = (value is null))
);
create index intel_change_intel_version_idx on intel_change (intel_version);
