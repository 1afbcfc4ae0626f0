-- How a customer's Microsoft side comes to be set up (docs/decisions/0020-setting-intune-up.md).

-- Links on which an administrator consents to our app. Each is good for one redirect.
create table consent_request (
  state_hash  bytea       primary key,
  tenant_id   uuid        references tenant (id) on delete cascade,
  -- Of a customer that is not there yet: made when the consent is proven.
  tenant_name text,
  app         text        not null check (app in ('partner', 'setup')),
  created_by  text        not null,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  used_at     timestamptz,
  outcome     text        check (outcome in ('granted', 'denied', 'wrong-tenant', 'unproven')),
  -- What Entra said, or what stood in the way.
  detail      text,
  check (tenant_id is not null or tenant_name is not null)
);
create index consent_request_tenant_id_idx on consent_request (tenant_id, created_at);
create index consent_request_expires_at_idx on consent_request (expires_at);

-- What a tenant's administrator wants Intune to be set up like. Being applied until `busy_until`, by one process.
create table intune_setup (
  tenant_id  uuid        primary key references tenant (id) on delete cascade,
  wish       jsonb,
  applied_at timestamptz,
  applied_by text,
  last_error text,
  busy_until timestamptz
);

-- What setting Intune up made or changed there, so that it can be undone exactly.
create table intune_setup_item (
  tenant_id uuid        not null references tenant (id) on delete cascade,
  -- connector, app-ios, config-android, policy-iosCompliancePolicy …
  key       text        not null,
  -- In Intune; null while it is being made.
  graph_id  text,
  -- False: it was there, and was only changed.
  made      boolean     not null,
  -- What was there before our change, of what we changed.
  before    jsonb       not null default '{}',
  -- What we put there.
  after     jsonb       not null default '{}',
  changed_at timestamptz not null default now(),
  primary key (tenant_id, key)
);

-- The last answer of `sallyport doctor` about a tenant.
create table intune_diagnosis (
  tenant_id  uuid        primary key references tenant (id) on delete cascade,
  checked_at timestamptz not null,
  checks     jsonb       not null
);
