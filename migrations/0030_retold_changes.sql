-- After a restore whoever is told of changes is told every phone's state once more: what was told between the backup and the
-- restore, nobody knows here. Then nothing is known of what was before, and the change counts as one whatever that was.
alter table state_change add column retold boolean;
