-- Who else is told of phones' changes, besides Intune (docs/decisions/0022-signals.md).
create table signal_destination (
  id                uuid        primary key default gen_random_uuid(),
  tenant_id         uuid        not null references tenant (id) on delete cascade,
  -- ssf, webhook, ocsf-https or ocsf-syslog.
  kind              text        not null,
  name              text        not null,
  -- Of a stream: the name of the API keys of whoever made it; only they see it.
  receiver          text,
  -- Null: it is polled.
  url               text,
  settings          jsonb       not null,
  -- What it is signed or sent with, encrypted under SECRETS_KEY.
  secret            bytea,
  -- enabled, paused (what happens meanwhile is told later) or disabled (it is not told).
  status            text        not null default 'enabled',
  status_reason     text,
  -- How far in the tenant's feed of changes it was told, or its rows of `signal` were made.
  position          bigint      not null,
  -- Changes that were deleted from the feed before they were told.
  missed            bigint      not null default 0,
  created_at        timestamptz not null default now(),
  verified_at       timestamptz,

  -- A row is its holder's until the lease ends, whatever becomes of the holder.
  lease_id          uuid,
  lease_until       timestamptz,
  -- Nothing is sent before, because the receiver failed or asked for patience.
  retry_at          timestamptz not null default now(),

  -- What became of it.
  delivered         bigint      not null default 0,
  failures          integer     not null default 0,
  failing_since     timestamptz,
  last_success_at   timestamptz,
  last_error        text,
  last_error_at     timestamptz
);
create index signal_destination_tenant_id_idx on signal_destination (tenant_id, created_at, id);

-- What is still to be told to one of them, or could not be told (`dead_at`). Told rows are deleted.
create table signal (
  -- Made of the destination, the position and the place in it: the same however often it is made.
  id               uuid        primary key,
  destination_id   uuid        not null references signal_destination (id) on delete cascade,
  -- The order in which it is told.
  sequence         bigint      generated always as identity,
  -- Null: about the destination itself. No reference: that a phone was erased is told when its row is gone.
  device_id        uuid,
  type             text        not null,
  body             jsonb       not null,
  at               timestamptz not null,
  attempts         integer     not null default 0,
  next_attempt_at  timestamptz not null default now(),
  last_error       text,
  dead_at          timestamptz
);
create index signal_destination_id_sequence_idx on signal (destination_id, sequence) where dead_at is null;
create index signal_destination_id_dead_at_idx on signal (destination_id, dead_at, id) where dead_at is not null;
create index signal_device_id_idx on signal (device_id);

-- Phones that a receiver of a stream does not want to hear of.
create table signal_excluded_device (
  destination_id  uuid not null references signal_destination (id) on delete cascade,
  device_id       uuid not null references device (id) on delete cascade,
  primary key (destination_id, device_id)
);
create index signal_excluded_device_device_id_idx on signal_excluded_device (device_id);

-- What security event tokens are signed with.
create table set_signing_key (
  id           uuid        primary key,
  public_jwk   jsonb       not null,
  -- PKCS #8 in PEM, encrypted under SECRETS_KEY.
  private_key  bytea       not null,
  created_at   timestamptz not null default now(),
  -- Published before it signs, so that receivers that remember keys for a while know it by then.
  signs_from   timestamptz not null
);

-- Whoever receives shared signals has a key for that and nothing else.
alter table api_key drop constraint api_key_role_check;
alter table api_key add constraint api_key_role_check check (role in ('viewer', 'analyst', 'admin', 'platform-admin', 'ssf-receiver'));
