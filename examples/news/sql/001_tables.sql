-- The tables of the news example. Written so that it can be applied again at any time.
create schema if not exists news;

create table if not exists news.sources (
  id bigint generated always as identity primary key,
  name text not null unique,
  url text not null check (url <> ''),  -- an http(s) address, or the path of a feed file or of a directory of them
  enabled boolean not null default true,
  -- For conditional requests, about the document at validated_url: after a change of url they say nothing.
  etag text,
  last_modified text,
  validated_url text,
  last_fetched_at timestamptz,
  created_at timestamptz not null default now()
);

-- Items as their feeds have them: title and content are HTML, published is the feed's own wording.
create table if not exists news.raw_news (
  id bigint generated always as identity primary key,
  source_id bigint not null references news.sources on delete cascade,
  guid text not null,
  title text not null,
  link text not null,
  author text not null,
  content text not null,
  published text not null,
  fetched_at timestamptz not null default now(),
  cleaned_at timestamptz,  -- null: still to be cleaned
  unique (source_id, guid)
);
create index if not exists raw_news_uncleaned on news.raw_news (id) where cleaned_at is null;

create table if not exists news.clean_news (
  id bigint generated always as identity primary key,
  raw_id bigint not null unique references news.raw_news on delete cascade,
  title text not null,
  text text not null,
  link text,
  published_at timestamptz,
  cleaned_at timestamptz not null default now()
);
create index if not exists clean_news_published on news.clean_news (published_at desc nulls last, id desc);
