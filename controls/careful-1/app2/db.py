"""SQLite storage of the shop; every value reaches SQL as a bound parameter."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

from fastapi import Depends

DATA_DIR = Path(os.environ.get("DATA_DIR", Path(__file__).resolve().parent / "data"))

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, password TEXT NOT NULL,
    address TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS tokens (
    digest TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
    expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_cents INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
    product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS reviews (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
    product_id INTEGER NOT NULL REFERENCES products (id), text TEXT NOT NULL);
INSERT OR IGNORE INTO products (id, name, price_cents)
    VALUES (1, 'Teapot', 2400), (2, 'Mug', 900), (3, 'Kettle', 3900), (4, 'Tray', 1500);
"""


def init() -> None:
    """Create the data folder and the tables."""
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(DATA_DIR / "shop.db")) as db:
        db.executescript(SCHEMA)


def session() -> Iterator[sqlite3.Connection]:
    """One connection per request: committed when the route returns, else rolled back."""
    with closing(sqlite3.connect(DATA_DIR / "shop.db", check_same_thread=False)) as db:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        with db:
            yield db


Database = Annotated[sqlite3.Connection, Depends(session)]
