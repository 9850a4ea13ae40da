-- Re-applied at each migrate, after the functions they call.
create or replace trigger fill_run before insert on hourhand_parts.job_runs_live
  for each row when (new.claim_at is null) execute function hourhand_parts.fill_run();
create or replace trigger accept_runs after insert on hourhand.job_runs
  referencing new table as inserted for each statement execute function hourhand_parts.accept_runs();
create or replace trigger refuse_move before update of status on hourhand_parts.job_runs_live
  for each row when (new.status not in ('pending', 'processing')) execute function hourhand_parts.refuse_run_update();
create or replace trigger refuse_change before update on hourhand_parts.job_runs_history
  for each row execute function hourhand_parts.refuse_run_update();
-- Not for next_run_at and the like: a cursor moved by fire() is no edit.
create or replace trigger plan_schedule
  before insert or update of name, description, task, payload, queue, priority, cron, every, anchor, run_at, timezone,
    dst_gap, dst_overlap, catch_up, catch_up_window, catch_up_limit, overlap, jitter, starts_at, ends_at, max_runs,
    exclude, start_deadline, profile, rank_intervals, max_attempts, timeout, is_active, paused_until, pause_note, tags
  on hourhand.scheduled_jobs for each row execute function hourhand_parts.plan_schedule();
create or replace trigger wake_schedulers
  after insert or update of name, cron, every, anchor, run_at, timezone, dst_gap, dst_overlap, catch_up,
    catch_up_window, catch_up_limit, jitter, starts_at, ends_at, max_runs, exclude, start_deadline, profile, is_active,
    paused_until
  on hourhand.scheduled_jobs for each statement execute function hourhand_parts.wake_schedulers();
create or replace trigger audit_schedule
  after insert or delete or update of name, description, task, payload, queue, priority, cron, every, anchor,
    run_at, timezone, dst_gap, dst_overlap, catch_up, catch_up_window, catch_up_limit, overlap, jitter, starts_at, ends_at,
    max_runs, exclude, start_deadline, profile, rank_intervals, max_attempts, timeout, is_active, paused_until,
    pause_note, tags
  on hourhand.scheduled_jobs for each row execute function hourhand_parts.audit_schedule();
create or replace trigger move_items after update of rank_intervals on hourhand.scheduled_jobs
  for each row when (new.rank_intervals is distinct from old.rank_intervals) execute function hourhand_parts.move_items();
