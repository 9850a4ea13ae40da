"""What the examples share: their way to the database, and running hourhand's commands as by hand."""
