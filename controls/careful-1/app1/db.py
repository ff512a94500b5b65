"""SQLite storage of the notes app; every value reaches SQL as a bound parameter."""

import os
import sqlite3
from pathlib import Path

from flask import Flask, g

DATA_DIR = Path(os.environ.get("DATA_DIR", Path(__file__).resolve().parent / "data"))
UPLOADS = DATA_DIR / "uploads"

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY, owner_id INTEGER REFERENCES users (id),
    title TEXT NOT NULL, body TEXT NOT NULL, shared INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES users (id), name TEXT NOT NULL,
    UNIQUE (owner_id, name));
INSERT OR IGNORE INTO notes (id, owner_id, title, body, shared)
    VALUES (1, NULL, 'Welcome', 'Write down what you want to remember.', 1);
"""


def connect() -> sqlite3.Connection:
    """The connection of this request; it commits only where a route says so."""
    if "db" not in g:
        g.db = sqlite3.connect(DATA_DIR / "notes.db")
        g.db.row_factory = sqlite3.Row
        g.db.execute("PRAGMA foreign_keys = ON")
    return g.db


def close(_error: BaseException | None) -> None:
    """Close the connection at the end of the request."""
    db = g.pop("db", None)
    if db is not None:
        db.close()


def init_app(app: Flask) -> None:
    """Create folders and tables, and close connections with each request."""
    UPLOADS.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(DATA_DIR / "notes.db") as db:
        db.executescript(SCHEMA)
    db.close()
    app.teardown_appcontext(close)
