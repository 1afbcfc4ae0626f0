-- What publishers offer by address, fetched on a schedule (docs/decisions/0014-subscriptions.md).
create table intel_subscription (
  -- The feed that it fills. No reference: the feed comes with the first import, and may be taken away by itself.
  feed              text        primary key,
  -- file, taxii or misp.
  kind              text        not null,
  url               text        not null,
  format            text        not null,
  threat_class      text,
  every_seconds     integer     not null,
  checksum_url      text,
  signature_url     text,
  -- The publisher's minisign key.
  signature_key     text,
  taxii_collection  text,
  allow_http        boolean     not null default false,
  allow_private     boolean     not null default false,
  -- What the publisher asks for, encrypted under SECRETS_KEY, and where it is sent: basic, bearer or a header's name.
  credentials       bytea,
  credentials_kind  text,
  created_at        timestamptz not null default now(),

  -- Schedule. A row is its holder's until the lease ends, whatever becomes of the holder.
  next_run_at       timestamptz not null default now(),
  lease_id          uuid,
  lease_until       timestamptz,
  -- Everything is fetched anew at the next run.
  full_requested    boolean     not null default false,

  -- What became of it.
  last_attempt_at   timestamptz,
  last_success_at   timestamptz,
  last_change_at    timestamptz,
  last_error        text,
  last_error_at     timestamptz,
  failures          integer     not null default 0,
  stale_warned      boolean     not null default false,
  last_result       jsonb,

  -- How far it is, so that what is held is not fetched again.
  etag              text,
  last_modified     text,
  content_sha256    text,
  -- The feed's checksum after our import: another one means that somebody else changed the feed.
  imported_sha256   text,
  added_after       text,
  full_sync_at      timestamptz,
  -- Objects were stored that the feed does not have yet.
  objects_changed   boolean     not null default false
);
create index intel_subscription_next_run_at_idx on intel_subscription (next_run_at);

-- What a collection or a folder of events holds, object by object: they are offered in pieces, and
-- the feed is all of them.
create table intel_subscription_object (
  feed       text not null references intel_subscription (feed) on delete cascade,
  object_id  text not null,
  -- The publisher's time of this version, in a form that sorts as text.
  modified   text not null,
  object     text not null,
  primary key (feed, object_id)
);
