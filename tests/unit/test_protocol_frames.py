"""Frames as they are on the wire."""

import json

import pytest
from pydantic import ValidationError

from contract.protocol import (
    CLIENT_FRAMES,
    SERVICE_FRAMES,
    Analyze,
    Chunk,
    Failed,
    json_schema,
)
from contract.source_digest import SKIPPED_FOLDERS


def test_a_newer_sides_unknown_fields_are_ignored():
    frame = SERVICE_FRAMES.validate_json(
        '{"type": "chunk", "subtask_id": "s", "sequence": 0, "offset": 0, "size": 1,'
        ' "sha256": "ab", "compression": "none"}'
    )
    assert isinstance(frame, Chunk)


def test_an_unknown_code_or_type_is_an_error():
    with pytest.raises(ValidationError):
        SERVICE_FRAMES.validate_json(
            '{"type": "failed", "subtask_id": "s", "code": "OOPS", "message": "m"}'
        )
    with pytest.raises(ValidationError):
        CLIENT_FRAMES.validate_json('{"type": "completed", "subtask_id": "s"}')


def test_the_documented_request_is_understood():
    with open("docs/protocol.md", encoding="utf-8") as page:
        example = page.read().split("```json\n")[1].split("```")[0]
    frame = CLIENT_FRAMES.validate_python(json.loads(example))
    assert isinstance(frame, Analyze)
    assert frame.request.subtask_id == "fleet-1/openai%2Fgpt-4.1/app3/static"


def test_every_error_code_on_the_page_exists():
    with open("docs/protocol.md", encoding="utf-8") as page:
        table = page.read().split("| `code` | when |")[1].split("\n\n")[0]
    codes = [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]
    assert len(codes) == 7
    for code in codes:
        assert Failed(subtask_id="", code=code, message="m").code == code  # type: ignore[arg-type]


def test_the_published_schema_is_the_one_in_force():
    """Renew it with `python -m tests.support.reference`."""
    with open("docs/protocol.schema.json", encoding="utf-8") as page:
        assert json.load(page) == json_schema()


def test_every_folder_without_a_part_in_the_digest_is_on_the_page():
    with open("docs/protocol.md", encoding="utf-8") as page:
        listed = page.read().split("however deep, named\n")[1].split(". At most")[0]
    assert set(listed.split("`")[1::2]) == SKIPPED_FOLDERS
