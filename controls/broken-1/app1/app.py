"""Bookmarks: needs the address of its database before it can start."""

import os

from flask import Flask, jsonify

DATABASE_URL = os.environ.get("BOOKMARKS_DATABASE_URL")
if not DATABASE_URL:
    raise RuntimeError("BOOKMARKS_DATABASE_URL is not set: bookmarks cannot reach its database")

app = Flask(__name__)


@app.get("/health")
def health():
    return jsonify(status="ok")


@app.get("/")
def index():
    return jsonify(bookmarks=[])


if __name__ == "__main__":
    app.run(host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8000")))
