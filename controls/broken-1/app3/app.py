"""Catalogue: every request opens a database file that was never delivered."""

import os
import sqlite3

from flask import Flask, g, jsonify

DATABASE = os.environ.get("CATALOGUE_DB", "/nonexistent/catalogue.db")

app = Flask(__name__)


@app.before_request
def open_catalogue():
    g.db = sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)


@app.teardown_request
def close_catalogue(_error):
    db = g.pop("db", None)
    if db is not None:
        db.close()


@app.get("/health")
def health():
    return jsonify(status="ok")


@app.get("/")
def index():
    rows = g.db.execute("SELECT id, title FROM items ORDER BY title LIMIT 50")
    return jsonify([{"id": row[0], "title": row[1]} for row in rows])


if __name__ == "__main__":
    app.run(host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8000")))
