-- The tables of the stories example. Written so that it can be applied again at any time.
create schema if not exists stories;

create table if not exists stories.feeds (
  id bigint generated always as identity primary key,
  name text not null unique,
  kind text not null default 'rss' check (kind in ('rss', 'youtube')),
  url text not null check (url <> ''),  -- an http(s) address or the path of a feed file
  enabled boolean not null default true,
  last_pulled_at timestamptz
);

create table if not exists stories.stories (
  id bigint generated always as identity primary key,
  title text not null,
  status text not null default 'new' check (status in ('new', 'analyzing', 'ready')),
  summary text,
  summarized_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()  -- when a source was linked last
);

-- One thing that was read: an article, a video, an upload.
create table if not exists stories.sources (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('article', 'video', 'upload')),
  ref text not null unique,  -- the address, else what identifies it in its feed
  url text,
  title text not null,
  text text not null default '',
  published_at timestamptz,
  feed_id bigint references stories.feeds on delete set null,
  story_id bigint references stories.stories on delete set null,
  highlighted_at timestamptz,
  created_at timestamptz not null default now()
);
create index if not exists sources_story on stories.sources (story_id);

create table if not exists stories.insights (
  id bigint generated always as identity primary key,
  source_id bigint not null references stories.sources on delete cascade,
  story_id bigint references stories.stories on delete set null,  -- null: not attached (yet)
  duplicate_of bigint references stories.insights on delete set null,
  text text not null,
  sentiment real not null,
  relevance real,
  created_at timestamptz not null default now()
);
create unique index if not exists insights_once on stories.insights (source_id, md5(text));
create index if not exists insights_story on stories.insights (story_id);

create table if not exists stories.interests (
  topic text primary key
);

create table if not exists stories.briefs (
  id bigint generated always as identity primary key,
  run_id bigint not null unique,  -- a run that is tried again writes the same brief
  title text not null,
  body text not null,
  created_at timestamptz not null default now()
);

create table if not exists stories.playbooks (
  name text primary key,
  steps jsonb not null  -- as the task hourhand.sequence takes them
);
