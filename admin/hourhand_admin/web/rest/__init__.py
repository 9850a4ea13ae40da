"""What the routes of the REST API have in common: bodies, what goes in and out, keys, pages of lists."""
