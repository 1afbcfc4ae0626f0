-- The merged state is most of what a phone takes. Where its sections come from is said once for
-- all sections of one report, and values above half a kilobyte are compressed in place.
alter table device_state set (toast_tuple_target = 512);
alter table device_state alter column state set storage main;
do $$
begin
  alter table device_state alter column state set compression lz4;
exception when feature_not_supported then null;
end
$$;

update device_state set state = jsonb_set(state, '{origins}', (
  select coalesce(jsonb_agg(jsonb_build_array(o.value -> 'sequence', o.value -> 'collectedAt', jsonb_build_array(o.key))), '[]')
  from jsonb_each(state -> 'origins') o
)) where jsonb_typeof(state -> 'origins') = 'object';
