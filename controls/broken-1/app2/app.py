"""Guestbook: answers well until its pool of database handles is used up."""

import os
import sqlite3
import sys
from pathlib import Path

from flask import Flask, g, jsonify, request

DATA_DIR = Path(os.environ.get("DATA_DIR", Path(__file__).resolve().parent / "data"))
POOL_SIZE = 200

DATA_DIR.mkdir(parents=True, exist_ok=True)
app = Flask(__name__)
handles: list[sqlite3.Connection] = []


@app.before_request
def check_out_handle():
    """Take a handle of the pool; the process ends when the pool is used up."""
    if request.path == "/health":
        return
    if len(handles) >= POOL_SIZE:
        print(f"guestbook: all {POOL_SIZE} database handles are in use", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)
    g.db = sqlite3.connect(DATA_DIR / "guestbook.db", check_same_thread=False)
    g.db.execute("CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, text TEXT)")
    handles.append(g.db)


@app.get("/health")
def health():
    return jsonify(status="ok")


@app.get("/")
def index():
    rows = g.db.execute("SELECT id, text FROM entries ORDER BY id DESC LIMIT 50")
    return jsonify([{"id": row[0], "text": row[1]} for row in rows])


@app.get("/search")
def search():
    query = "SELECT id, text FROM entries WHERE instr(text, ?) LIMIT 50"
    rows = g.db.execute(query, (request.args.get("q", ""),))
    return jsonify([{"id": row[0], "text": row[1]} for row in rows])


if __name__ == "__main__":
    app.run(host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8000")))
