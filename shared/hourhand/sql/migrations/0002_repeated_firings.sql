-- So that fire() recognises an entry whose answer was lost and gives the same answer again.
alter table hourhand.scheduled_jobs add column last_entry bigint;
comment on column hourhand.scheduled_jobs.last_entry is
  'Which entry of fire() was the last to move the cursor: a hash of its session, revision and next_run_at.';
