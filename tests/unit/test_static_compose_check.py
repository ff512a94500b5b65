"""Container files: what the check of ours sees in the forms people write them in."""

import pytest

from analyzers.static.compose_check import check

DATABASE = "services:\n  db:\n    image: postgres:16\n    ports:\n"


def rules(name: str, text: str) -> list[tuple[str, int]]:
    return [(rule, line) for rule, line, _ in check(name, text.encode())]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM debian:12\nENV DB_PASSWORD=hunter2\nUSER app\n", 2),
        ("FROM debian:12\nENV A=1 \\\n    # why\n    DB_PASSWORD=hunter2\nUSER app\n", 4),
        ("FROM debian:12\nENV A=1 API_TOKEN='x y'\nUSER app\n", 2),
        ("FROM debian:12\nENV SECRET hunter2\nUSER app\n", 2),
        ("FROM debian:12\nARG API_KEY=abc\nUSER app\n", 2),
    ],
)
def test_a_secret_in_a_layer_is_seen_on_its_line(text: str, line: int):
    assert rules("web.Dockerfile", text) == [("dockerfile-secret", line)]


def test_what_only_looks_like_a_secret_is_none():
    text = (
        "FROM debian:12\nARG API_KEY\nENV SECRET=$API_KEY \\\n  A=1\nRUN TOKEN=x ./do\nUSER app\n"
    )

    assert rules("Dockerfile", text) == []


@pytest.mark.parametrize(
    ("ports", "is_open"),
    [
        ('      - "5432:5432"\n', True),
        ("      - target: 5432\n        published: 5432\n", True),
        ('      - "127.0.0.1:5432:5432"\n', False),
        ("      - target: 5432\n        published: 5432\n        host_ip: 127.0.0.1\n", False),
        ("      - target: 5432\n", False),
    ],
)
def test_a_database_open_on_every_address(ports: str, is_open: bool):
    expected = [("compose-open-database", 5)] if is_open else []

    assert rules("compose.yml", DATABASE + ports) == expected


def test_a_form_feed_ends_no_line_of_a_dockerfile():
    text = "FROM debian:12\n# \f \u2028 \x85 \v\r\nENV DB_PASSWORD=hunter2\rUSER app\n"

    assert rules("web.Dockerfile", text) == [("dockerfile-secret", 3)]
