"""What is no YAML is said to end where it ends to be YAML."""

import pytest

from analyzers.static.yaml_check import check


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a: 1\nb: '\n", 3),
        (b"a: 1\nb: 2\nc: x\f\n", 3),
        ("a: 1\r\nb: é\r\n".encode("latin-1"), 2),
        ("\ufeffa: 1\nb: \x01\n".encode(), 2),
        ("a: 1\nb: \v\n".encode("utf-16"), 2),
    ],
)
def test_the_line_of_what_no_parser_takes(data: bytes, line: int):
    assert [(rule, at) for rule, at, _ in check(data)] == [("yaml-syntax", line)]
