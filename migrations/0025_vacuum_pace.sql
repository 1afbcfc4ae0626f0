-- Each report changes a row. At the pace that PostgreSQL gives its vacuums by itself (200 points, 2 ms), the states of ten million phones
-- collect dead rows in the busiest hour faster than they are cleared (docs/capacity.md). The limit is of these tables alone.
alter table device_state       set (autovacuum_vacuum_cost_limit = 1000);
alter table device_apps_change set (autovacuum_vacuum_cost_limit = 1000);
