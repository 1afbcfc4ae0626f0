-- The audit is only added to, and each entry carries a hash over itself and the entry before it,
-- in a chain of its own for each tenant and one for the platform (the nil UUID).
create table audit_link (
  chain    uuid   not null,
  number   bigint not null,
  event_id bigint not null unique,
  hash     bytea  not null,
  primary key (chain, number)
);

-- What the hash is over: each field with its length in bytes in front, so that no two entries
-- spell the same. src/operators/audit-chain.ts does the same and is what verifies.
create function audit_entry_hash (chain uuid, number bigint, previous bytea, event audit_event) returns bytea
language sql stable
set search_path = pg_catalog, public, pg_temp
as $$
  select sha256(convert_to(string_agg(case when field is null then '-' else octet_length(convert_to(field, 'UTF8')) || ':' || field end, ',' order by place), 'UTF8'))
  from unnest(array[
    chain::text, number::text, encode(previous, 'hex'), event.id::text,
    to_char(event.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    event.actor, event.action, event.subject, event.detail::text
  ]) with ordinality as fields (field, place)
$$;

create function append_audit_link (event audit_event) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  chain_id uuid := coalesce(event.tenant_id, '00000000-0000-0000-0000-000000000000');
  last_link audit_link;
begin
  perform pg_advisory_xact_lock(hashtextextended('audit chain ' || chain_id, 0));
  select * into last_link from audit_link where chain = chain_id order by number desc limit 1;
  insert into audit_link (chain, number, event_id, hash)
  values (chain_id, coalesce(last_link.number, 0) + 1, event.id,
    audit_entry_hash(chain_id, coalesce(last_link.number, 0) + 1, coalesce(last_link.hash, decode(repeat('00', 32), 'hex')), event));
end
$$;

create function chain_audit_event () returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  perform append_audit_link(new);
  return null;
end
$$;

revoke execute on function append_audit_link (audit_event) from public;

-- What there is so far, in the order in which it was written.
do $$
declare
  event audit_event;
begin
  lock table audit_event in share row exclusive mode;
  for event in select * from audit_event order by tenant_id nulls first, id loop
    perform append_audit_link(event);
  end loop;
end
$$;

-- At the commit: the chain's lock is the last one a transaction takes, so that it is held only
-- while the commit is written, nobody waits for another lock under it, and tenants do not wait
-- for each other.
create constraint trigger chain_audit_event after insert on audit_event
deferrable initially deferred for each row execute function chain_audit_event();

create function refuse_audit_change () returns trigger
language plpgsql
as $$
begin
  raise exception 'the audit is only added to: % of % is refused', lower(tg_op), tg_table_name using errcode = 'restrict_violation';
end
$$;

create trigger refuse_change before update or delete on audit_event for each row execute function refuse_audit_change();
create trigger refuse_truncate before truncate on audit_event for each statement execute function refuse_audit_change();
create trigger refuse_change before update or delete on audit_link for each row execute function refuse_audit_change();
create trigger refuse_truncate before truncate on audit_link for each statement execute function refuse_audit_change();
-- Also for a session that plays the replica, which skips ordinary triggers.
alter table audit_event enable always trigger refuse_change;
alter table audit_event enable always trigger refuse_truncate;
alter table audit_link enable always trigger refuse_change;
alter table audit_link enable always trigger refuse_truncate;
