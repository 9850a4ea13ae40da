-- A number of a run such that all runs made before p_at have lower ones, and of those made later a hundred at most; found by
-- halving, in some twenty looks. Numbers and times are out of step by seconds, and in a copy that goes on for minutes by
-- these: callers leave room for the former.
create or replace function hourhand_parts.first_run_since(p_at timestamptz)
returns bigint
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_low bigint := (select min(r.id) from hourhand.job_runs r);
  v_high bigint := 1 + (select max(r.id) from hourhand.job_runs r);
  v_middle bigint;
begin
  while v_high - v_low > 100 loop
    v_middle := (v_low + v_high) / 2;
    if (select r.created_at from hourhand.job_runs r where r.id >= v_middle order by r.id limit 1) >= p_at then
      v_high := v_middle;
    else
      v_low := v_middle;
    end if;
  end loop;
  return v_high;
end
$$;
