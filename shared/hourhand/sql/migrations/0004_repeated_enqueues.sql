-- So that enqueue_payloads() recognises a call whose answer was lost and gives the same answer again.
alter table hourhand.job_run_keys add column run_ids bigint[];
comment on column hourhand.job_run_keys.run_ids is 'All runs of the call, where the key is that of a call and not of one run.';
