-- What hourhand itself keeps about a schedule may be set by hand, too: to a time that no client can read, or to a count
-- that goes over when one is added. Any such row would be in the way of all others that are read with it.
alter table hourhand.scheduled_jobs
  add constraint times_are_in_range check (
    created_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
    and updated_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
    and last_run_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
    and decided_until between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
  ) not valid,
  add constraint counts_are_in_range check (
    run_count between 0 and 9007199254740991 and revision between 1 and 9007199254740991
  ) not valid,
  add constraint error_is_short check (octet_length(error) <= 10000) not valid;
-- The constraints hold for these rows too once they are written again, as with their next firing.
update hourhand.scheduled_jobs
set created_at = case when created_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00' then created_at else transaction_timestamp() end,
    updated_at = case when updated_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00' then updated_at else transaction_timestamp() end,
    last_run_at = case when last_run_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00' then last_run_at end,
    decided_until = case when decided_until between '1900-01-01 00:00+00' and '9999-01-01 00:00+00' then decided_until end,
    run_count = least(greatest(run_count, 0), 9007199254740991), revision = least(greatest(revision, 1), 9007199254740991),
    error = left(error, 2000)
where not (
  created_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
  and updated_at between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
  and coalesce(last_run_at, created_at) between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
  and coalesce(decided_until, created_at) between '1900-01-01 00:00+00' and '9999-01-01 00:00+00'
  and run_count between 0 and 9007199254740991 and revision between 1 and 9007199254740991
  and coalesce(octet_length(error), 0) <= 10000
);
