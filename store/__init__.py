"""The store: a record of what happened, in SQLite or PostgreSQL. Rows never leave this package."""
