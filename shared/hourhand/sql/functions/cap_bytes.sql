-- The first of the runs picked whose payloads fit into one answer of about 8 MB.
create or replace function hourhand_parts.cap_bytes(p_ids bigint[])
returns bigint[]
language plpgsql stable set search_path = ''
as $$
begin
  -- Below 2 kB nothing is compressed, and the largest batch of such rows fits.
  if cardinality(p_ids) <= 4000 and not exists (
    select from hourhand_parts.job_runs_live where id = any(p_ids) and pg_column_size(payload) > 1900
  ) then
    return p_ids;
  end if;
  return array(
    select r.id
    from (
      select l.id, row_number() over w as place, sum(octet_length(l.payload::text)) over w as bytes
      from hourhand_parts.job_runs_live l
      where l.id = any(p_ids)
      window w as (order by l.claim_at, l.id)
    ) r
    where r.place = 1 or r.bytes <= 8000000
  );
end
$$;
