-- What did not simply fire is little beside the rest: the calendar of some schedules finds it here.
create index schedule_firings_unfired on hourhand.schedule_firings (scheduled_for)
  where decision <> 'fired' and scheduled_until is null;
