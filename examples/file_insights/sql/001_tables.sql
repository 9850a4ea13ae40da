-- The tables of the file insights example. Written so that it can be applied again at any time.
create schema if not exists file_insights;

create table if not exists file_insights.files (
  id uuid primary key default gen_random_uuid(),
  file_path varchar(500) not null,
  original_name varchar(255),
  status varchar(20) default 'uploaded',
  created_at timestamp default current_timestamp
);

create table if not exists file_insights.processing_jobs (
  id uuid primary key default gen_random_uuid(),
  file_id uuid references file_insights.files (id),
  job_type varchar(100),
  business_description text,
  status varchar(20) default 'pending' check (status in ('pending', 'processing', 'completed', 'failed')),
  metadata jsonb,  -- run_id: the run of hourhand that does the work
  retry_count integer default 0,
  created_at timestamp default current_timestamp,
  started_at timestamp,
  completed_at timestamp,
  updated_at timestamp default current_timestamp,
  error_message text
);

create index if not exists idx_processing_jobs_status_created
on file_insights.processing_jobs (status, created_at)
where status = 'pending';

create table if not exists file_insights.insights (
  id uuid primary key default gen_random_uuid(),
  job_id uuid references file_insights.processing_jobs (id),
  insight_type varchar(100),
  content jsonb not null,
  confidence_score decimal(3, 2),
  created_at timestamp default current_timestamp
);
create index if not exists insights_job on file_insights.insights (job_id);
