-- Operators who sign in with their organisation's OpenID provider; API keys over several tenants.
-- docs/decisions/0024-sign-in.md

-- What somebody may who signs in elsewhere, where no role of the token says it: a person, an app or
-- a group, by the ids that the provider vouches for.
create table operator_grant (
  id         uuid        primary key default gen_random_uuid(),
  -- Null: in all tenants, and for platform-admin the platform itself.
  tenant_id  uuid        references tenant (id) on delete cascade,
  role       text        not null check (role in ('viewer', 'analyst', 'admin', 'platform-admin')),
  -- Whose ids they are: an Entra tenant, or the issuer of another provider.
  directory  text        not null,
  kind       text        not null check (kind in ('subject', 'group')),
  value      text        not null,
  -- Who that is, in words.
  label      text        not null,
  created_by text        not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  check (role <> 'platform-admin' or tenant_id is null)
);
-- Asked at every sign-in; one role for each in each place.
create unique index operator_grant_holder_idx on operator_grant (directory, kind, value, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'));
create index operator_grant_tenant_id_idx on operator_grant (tenant_id, id);

-- Where a token or an API key was seen, so that the audit log has its first sight alone. Deleted
-- after a day of silence: what comes again then signs in again.
create table operator_session (
  -- Hash of the token, or the API key's id.
  session       text        not null,
  operator_id   uuid        not null,
  -- Null: not in a tenant.
  tenant_id     uuid        references tenant (id) on delete cascade,
  first_seen_at timestamptz not null default now(),
  last_seen_at  timestamptz not null default now()
);
create unique index operator_session_place_idx on operator_session (session, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'));
create index operator_session_operator_id_idx on operator_session (operator_id, first_seen_at);
create index operator_session_last_seen_at_idx on operator_session (last_seen_at);

alter table api_key
  -- How it begins: enough to tell in which drawer a key that was found belongs. Null: made before this was kept.
  add column prefix       text,
  -- Only these of its role's permissions; null: all.
  add column permissions  text[],
  add column last_used_at timestamptz,
  -- The key that this one took the place of.
  add column replaces     uuid references api_key (id) on delete set null;

-- Tenants of a key besides its first.
create table api_key_tenant (
  api_key_id uuid not null references api_key (id) on delete cascade,
  tenant_id  uuid not null references tenant (id) on delete cascade,
  primary key (api_key_id, tenant_id)
);
create index api_key_tenant_tenant_id_idx on api_key_tenant (tenant_id);
