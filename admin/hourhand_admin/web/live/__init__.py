"""Events as they happen: a stream (SSE) for each browser, all fed by one poll of the database a second."""
