-- So that the calendar counts the firings of a month without reading the ledger itself. Stretches are few.
create index schedule_firings_calendar on hourhand.schedule_firings (scheduled_for, decision) where scheduled_until is null;
create index schedule_firings_stretches on hourhand.schedule_firings (scheduled_until) where scheduled_until is not null;
