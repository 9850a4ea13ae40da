"""What the pages about schedules are made of: forms, forecasts, versions, calendars."""
