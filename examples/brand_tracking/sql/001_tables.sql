-- The tables of the brand tracking example. Written so that it can be applied again at any time.
create schema if not exists brand_tracking;

create table if not exists brand_tracking.brands (
  id bigint generated always as identity primary key,
  name text not null unique,
  aliases text[] not null default '{}',  -- other names by which answers may call it
  created_at timestamptz not null default now()
);

create table if not exists brand_tracking.generated_queries (
  id bigint generated always as identity primary key,
  brand_id bigint not null references brand_tracking.brands on delete cascade,
  query text not null,
  is_active boolean not null default true,
  unique (brand_id, query)
);

-- One answer to each active query in each collection.
create table if not exists brand_tracking.answers (
  id bigint generated always as identity primary key,
  collection bigint not null,  -- the run that collected it
  query_id bigint not null references brand_tracking.generated_queries on delete cascade,
  answered_by text not null,
  answer text not null,
  collected_at timestamptz not null default now(),
  unique (collection, query_id)
);

create table if not exists brand_tracking.scores (
  answer_id bigint not null references brand_tracking.answers on delete cascade,
  brand_id bigint not null references brand_tracking.brands on delete cascade,
  present boolean not null,
  position integer check (position >= 1),  -- 1: named before every other brand; null where it is not named
  sentiment real,  -- from -1 to 1, of the sentences that name it
  primary key (answer_id, brand_id)
);
