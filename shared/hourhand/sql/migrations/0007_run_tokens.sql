-- Each lets its holder read one run for a while: for browsers, whose EventSource can send no header. Here is its SHA-256.
create table hourhand_parts.run_tokens (
  token_hash text primary key check (length(token_hash) = 64),
  run_id bigint not null,
  expires_at timestamptz not null
);
create index run_tokens_expired on hourhand_parts.run_tokens (expires_at);
