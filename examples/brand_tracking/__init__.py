"""How brands do in the answers that people get, collected and scored on schedules; see README.md."""
