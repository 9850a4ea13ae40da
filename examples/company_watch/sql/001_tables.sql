-- The tables of the company watch example. Written so that it can be applied again at any time.
create schema if not exists company_watch;

create table if not exists company_watch.users (
  id bigint generated always as identity primary key,
  email text not null unique,
  wishes text[] not null default '{}',  -- words of the job that is looked for
  places text[] not null default '{}'   -- where; empty is anywhere
);

create table if not exists company_watch.companies (
  key text primary key,
  name text not null,
  careers_url text not null
);

create table if not exists company_watch.postings (
  id bigint generated always as identity primary key,
  company text not null references company_watch.companies on delete cascade,
  url text not null,
  title text not null,
  place text not null,
  text text not null,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  gone_at timestamptz,  -- since when the company no longer lists it
  unique (company, url)
);

create table if not exists company_watch.saved_jobs (
  user_id bigint not null references company_watch.users on delete cascade,
  posting_id bigint not null references company_watch.postings on delete cascade,
  score numeric(3, 2) not null,
  reason text not null,
  saved_at timestamptz not null default now(),
  primary key (user_id, posting_id)
);

-- When a host may be asked again: one row a host, for all workers.
create table if not exists company_watch.hosts (
  host text primary key,
  free_at timestamptz not null
);

-- What the robots.txt of a site said last: one row a site, for all workers.
create table if not exists company_watch.robots (
  address text primary key,
  text text not null,  -- empty where there is none
  read_at timestamptz not null default now()
);

-- Who watches what: the ranks of the fleet's items are the preferences, there is no second copy of them.
create or replace view company_watch.preferences as
select r.key as email, i.item_key as company, r.value::int as rank, i.rank as highest_rank,
  i.last_completed_at, i.next_run_at, i.failures
from hourhand.schedule_items i
join hourhand.scheduled_jobs s on s.id = i.schedule_id and s.name = 'company-watch'
cross join lateral jsonb_each_text(i.ranks) r
where r.key <> '';
