-- The version of the intelligence that the fleet was last judged by, or is about to be: its jobs
-- are in the queue. What is behind, the upkeep catches up with.
alter table intel_version add column reassessed_version bigint not null default 0;
