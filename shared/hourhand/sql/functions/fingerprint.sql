-- What failures with the same cause have in common: the class, the first line of the message without its numbers and
-- quoted texts, and the frame that raised.
create or replace function hourhand_parts.fingerprint(p_class text, p_message text, p_frame text)
returns text
language sql immutable parallel safe set search_path = ''
as $$
  select left(md5(concat_ws(E'\n', p_class, regexp_replace(
    left(split_part(p_message, E'\n', 1), 300),
    '(?<![[:alnum:]])(''[^'']*''|"[^"]*")|[0-9a-f]{8}-[0-9a-f-]{27}|0x[0-9a-f]+|[0-9]+([.:,][0-9]+)*', '#', 'gi'
  ), p_frame)), 12)
$$;
