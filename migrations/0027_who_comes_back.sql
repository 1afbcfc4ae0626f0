-- no transaction

-- Whether a phone that comes was revoked is asked at each enrolment, also of records that are no longer the live one.
create index concurrently if not exists device_revoked_idx on device (tenant_id, entra_device_id) where revoked_at is not null;

-- The Entra tenant that a new customer must turn out to be, where whoever made the link knows it.
alter table consent_request add column if not exists entra_tenant_id uuid;
