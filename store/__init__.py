"""The store: a projection of what happened, in SQLite or PostgreSQL. Rows never leave this room."""
