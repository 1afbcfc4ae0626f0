-- Most of a phone's events, when it has many: what is written with every report stays small (docs/decisions/0033-older-events.md).
alter table device_state add column if not exists older_events jsonb;
