"""GETs that change state: by the words of their path and handler, and by what their body does."""

from pathlib import Path

import pytest

from analyzers.appsource.changes import changes_state, path_changes_state
from analyzers.appsource.route_map import Route
from tests.support.appsource import read_app


@pytest.mark.parametrize(
    "path",
    [
        *("/init", "/api/seed", "/admin/reset-db", "/initdb", "/users/{id}/delete", "/cart/add/3"),
        *(
            "/dropTables",
            "/clear_all",
            "/logout",
            "/log-out",
            "/sign-out",
            "/createUser",
            "/shutdown",
        ),
        *("/migrate?x=1", "/items/{id}/toggle", "/counter/increment", "/todos/update/{id}"),
    ],
)
def test_paths_that_change_state(path: str):
    assert path_changes_state(path)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/address", "/dropdown", "/updates", "/addons", "/created", "/static/reset.css"),
        *("/resetters", "/items/{delete}", "/products/store", "/blog/about-logs", "/additional"),
        *("/initial", "/cleared-items", "/setting", "/removal", "/api/createdAt", "/login"),
    ],
)
def test_paths_that_only_read(path: str):
    assert path_changes_state(path) == ""


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ("db.session.add(n); db.session.commit()", True),
        ("get_db().execute('INSERT INTO notes VALUES (1)')", True),
        ("get_db().execute(f'DELETE FROM {table}')", True),
        ("os.remove('x')", True),
        ("Note.objects.create(title='x')", True),
        ("note.save()", True),
        ("open('log', 'w').write('x')", True),
        ("get_db().execute('SELECT updated FROM notes')", False),
        ("get_db().execute('CREATE TABLE IF NOT EXISTS t (a)')", False),
        ("\n    if request.method == 'POST':\n        db.session.commit()\n    return 1", False),
        ("\n    if form.validate_on_submit():\n        note.save()\n    return 1", False),
        ("\n    if request.method == 'GET':\n        return 1\n    note.save()", False),
        ("session.get('user')", False),
    ],
)
def test_bodies_that_change_state(body: str, changes: bool, tmp_path: Path):
    source = (
        "from flask import Flask, request\napp = Flask('a')\n"
        f"@app.route('/x', methods=['GET', 'POST'])\ndef x(): {body}\n"
    )
    found = read_app(tmp_path, {"a.py": source})

    assert bool(changes_state(found.find("GET", "/x"))) is changes
    assert changes_state(found.find("POST", "/x")) == ""


def test_a_handlers_name_counts_where_the_path_says_nothing():
    route = Route(method="GET", path="/go", file="a.py", handler="admin.reset_everything")

    assert changes_state(route) == "its handler admin.reset_everything says reset"
