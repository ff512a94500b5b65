"""Notes: a small notebook with accounts, shared pages, search and attachments."""

import json
import os
import sqlite3
import uuid
from pathlib import Path

from flask import Flask, abort, jsonify, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from waitress import serve
from werkzeug.exceptions import HTTPException
from werkzeug.security import check_password_hash, generate_password_hash

import db
import security
from security import body_value, current_user_id, text_field

OPENAPI = json.loads((Path(__file__).resolve().parent / "openapi.json").read_text())
ABSENT_USER_HASH = generate_password_hash(uuid.uuid4().hex)
MAX_ID = 2**31 - 1

app = Flask(__name__)
db.init_app(app)
security.init_app(app, db.DATA_DIR)
CSRFProtect(app)


@app.errorhandler(HTTPException)
def show_error(error: HTTPException):
    """Errors as JSON, with the headers HTTP asks for and without internals."""
    response = error.get_response()
    response.data = json.dumps({"error": error.description or error.name})
    response.content_type = "application/json"
    return response


@app.errorhandler(CSRFError)
def show_csrf_error(error: CSRFError):
    return jsonify(error=error.description), 403


@app.get("/health")
def health():
    return jsonify(status="ok")


@app.get("/openapi.json")
def openapi():
    return jsonify(OPENAPI)


@app.get("/")
def index():
    notes = db.connect().execute("SELECT id, title FROM notes WHERE shared = 1 LIMIT 100")
    return render_template("index.html", notes=notes.fetchall(), user_id=session.get("user_id"))


@app.get("/register")
def register_page():
    return render_template("account.html", action="register")


@app.post("/register")
def register():
    username = text_field("username", 40, min_chars=3)
    password = text_field("password", 200, min_chars=10)
    try:
        db.connect().execute(
            "INSERT INTO users (username, password) VALUES (?, ?)",
            (username, generate_password_hash(password)),
        )
        db.connect().commit()
    except sqlite3.IntegrityError:
        abort(409, "username is taken")
    return jsonify(username=username), 201


@app.get("/login")
def login_page():
    return render_template("account.html", action="login")


@app.post("/login")
def login():
    username, password = text_field("username", 40), text_field("password", 200)
    security.check_throttle(username)
    query = "SELECT id, password FROM users WHERE username = ?"
    user = db.connect().execute(query, (username,)).fetchone()
    known_hash = user["password"] if user else ABSENT_USER_HASH
    if not check_password_hash(known_hash, password) or user is None:
        security.record_failure(username)
        abort(401, "wrong username or password")
    session.clear()
    session["user_id"] = user["id"]
    return jsonify(username=username, csrf_token=generate_csrf())


@app.post("/logout")
def logout():
    session.clear()
    return redirect(url_for("index"))


@app.get("/api/session")
def show_session():
    return jsonify(user_id=session.get("user_id"), csrf_token=generate_csrf())


def find_note(note_id: int, *, shared_is_enough: bool = False) -> sqlite3.Row:
    """A note this user may see; 404 for missing and foreign notes alike."""
    query = "SELECT * FROM notes WHERE id = ?"
    note = db.connect().execute(query, (min(note_id, MAX_ID + 1),)).fetchone()
    user_id = session.get("user_id")
    is_owner = note is not None and user_id is not None and note["owner_id"] == user_id
    if not is_owner and not (note is not None and note["shared"] and shared_is_enough):
        abort(404, "no such note")
    return note


def insert_note(owner_id: int, *, shared: bool) -> int:
    """Store the note of this request's body and return its id."""
    row = (owner_id, text_field("title", 200), text_field("body", 10_000), shared)
    query = "INSERT INTO notes (owner_id, title, body, shared) VALUES (?, ?, ?, ?)"
    cursor = db.connect().execute(query, row)
    db.connect().commit()
    return cursor.lastrowid


@app.post("/notes")
def create_note_from_form():
    note_id = insert_note(current_user_id(), shared="shared" in request.form)
    return redirect(url_for("note_page", note_id=note_id))


@app.get("/notes/<int:note_id>")
def note_page(note_id: int):
    return render_template("note.html", note=find_note(note_id, shared_is_enough=True))


@app.get("/search")
def search():
    term = request.args.get("q", "")
    if not 1 <= len(term) <= 100:
        abort(400, "q must have 1 to 100 characters")
    query = (
        "SELECT id, title FROM notes"
        " WHERE shared = 1 AND instr(lower(title), lower(?)) LIMIT 50"
    )
    rows = db.connect().execute(query, (term,)).fetchall()
    return render_template("search.html", term=term, notes=rows)


@app.get("/api/notes")
def list_notes():
    query = "SELECT id, title, body, shared FROM notes WHERE owner_id = ? LIMIT 1000"
    rows = db.connect().execute(query, (current_user_id(),))
    return jsonify([dict(row) for row in rows])


@app.post("/api/notes")
def create_note():
    owner_id = current_user_id()
    note_id = insert_note(owner_id, shared=body_value("shared") is True)
    return jsonify(id=note_id), 201


@app.get("/api/notes/<int:note_id>")
def read_note(note_id: int):
    current_user_id()
    note = find_note(note_id)
    return jsonify({name: note[name] for name in ("id", "title", "body", "shared")})


@app.put("/api/notes/<int:note_id>")
def update_note(note_id: int):
    current_user_id()
    find_note(note_id)
    query = "UPDATE notes SET title = ?, body = ? WHERE id = ?"
    db.connect().execute(query, (text_field("title", 200), text_field("body", 10_000), note_id))
    db.connect().commit()
    return jsonify(id=note_id)


@app.delete("/api/notes/<int:note_id>")
def delete_note(note_id: int):
    current_user_id()
    find_note(note_id)
    db.connect().execute("DELETE FROM notes WHERE id = ?", (note_id,))
    db.connect().commit()
    return "", 204


@app.post("/files")
def upload():
    owner_id = current_user_id()
    file = request.files.get("file")
    if file is None or not file.filename or len(file.filename) > 200:
        abort(400, "a file with a name of at most 200 characters is required")
    file_id = uuid.uuid4().hex
    query = "INSERT INTO files (id, owner_id, name) VALUES (?, ?, ?)"
    try:
        db.connect().execute(query, (file_id, owner_id, file.filename))
    except sqlite3.IntegrityError:
        abort(409, "a file of this name exists")
    file.save(db.UPLOADS / file_id)
    db.connect().commit()
    return jsonify(name=file.filename), 201


@app.get("/files")
def download():
    query = "SELECT id FROM files WHERE owner_id = ? AND name = ?"
    key = (current_user_id(), request.args.get("name", ""))
    row = db.connect().execute(query, key).fetchone()
    if row is None:
        abort(404, "no such file")
    content = (db.UPLOADS / row["id"]).read_bytes()
    return content, 200, {"Content-Type": "application/octet-stream"}


if __name__ == "__main__":
    address = f"{os.environ.get('HOST', '*')}:{os.environ.get('PORT', '8000')}"
    serve(app, listen=address, ident=None, threads=4)
