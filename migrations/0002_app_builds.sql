-- Thousands of phones have the same version of the same app: it is stored once, and a phone's
-- list is a row of numbers.
create table app_build (
  id      integer generated always as identity primary key,
  -- SHA-256 of the app as canonical JSON (RFC 8785), without what is a phone's own.
  hash    bytea   not null unique check (length(hash) = 32),
  app_id  text    not null,
  app     jsonb   not null
);
create index app_build_app_id_idx on app_build (app_id);

-- The apps of a phone. Apart from device_state, which every report updates: neither the list
-- nor an index on it may be written again for a heartbeat.
create table device_apps (
  device_id uuid      primary key references device (id) on delete cascade,
  tenant_id uuid      not null,
  digest    text      not null,
  builds    integer[] not null,
  -- What only this phone can know, such as when an app was installed; by app id.
  own       jsonb
);

-- Lists stored so far are asked for again rather than converted.
update device_state set resend = array_append(array_remove(resend, 'apps'), 'apps'), apps_digest = null where apps is not null;
alter table device_state drop column apps;
