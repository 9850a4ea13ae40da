-- What is made of clean news. Written so that it can be applied again at any time.

-- A vector is good for as long as its item is not cleaned again and the method stays the same.
create table if not exists news.embeddings (
  clean_id bigint primary key references news.clean_news on delete cascade,
  method text not null,
  vector real[] not null,
  embedded_at timestamptz not null default now()
);

create table if not exists news.analyses (
  clean_id bigint primary key references news.clean_news on delete cascade,
  method text not null,
  summary text not null,
  sentiment real not null check (sentiment between -1 and 1),
  analysed_at timestamptz not null default now()
);

-- What a job could not do with an item: it is put off for a while, so that the others get their turn.
create table if not exists news.failures (
  clean_id bigint not null references news.clean_news on delete cascade,
  job text not null,
  attempts integer not null default 1,
  reason text not null,
  failed_at timestamptz not null default now(),
  again_at timestamptz not null,
  primary key (clean_id, job)
);

create table if not exists news.users (
  id bigint generated always as identity primary key,
  email text not null unique
);

create table if not exists news.holdings (
  user_id bigint not null references news.users on delete cascade,
  name text not null,
  about text not null,  -- words that news about it have
  share real not null check (share > 0),
  primary key (user_id, name)
);

create table if not exists news.profiles (
  user_id bigint primary key references news.users on delete cascade,
  profile jsonb not null,
  computed_at timestamptz not null default now()
);

create table if not exists news.insights (
  user_id bigint not null references news.users on delete cascade,
  holding text not null,
  says text not null,
  sentiment real,
  clean_ids bigint[] not null,
  computed_at timestamptz not null default now(),
  primary key (user_id, holding)
);
