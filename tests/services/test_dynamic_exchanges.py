"""What our own probes keep of the requests that showed their findings."""

import json
from dataclasses import replace
from pathlib import Path

from contract.attached import EXCHANGES, exchange_key
from tests.support.dynamic_apps import NotesApp, serving
from tests.support.dynamic_run import measure, run_over


async def test_every_finding_of_a_request_can_be_seen_with_its_answer(tmp_path: Path):
    kept: dict[str, bytes] = {}
    async with serving(NotesApp(careful=False).application()) as url:
        run = replace(run_over(url, tmp_path), attach=kept.__setitem__)
        found = (await measure(run, "discovery", "access-control"))["access-control"].findings

    rows = json.loads(kept[EXCHANGES])
    shown = [one for one in found if one.rule_id.startswith("object-")]
    assert shown, "the app lets others read and change what is not theirs"
    for finding in shown:
        exchanges = rows[exchange_key(finding)]
        assert any(one["request"].startswith(f"{finding.location.method} ") for one in exchanges)
        assert all(one["answer"].startswith(f"HTTP {one['status']}") for one in exchanges)
    text = json.dumps(rows).lower()
    assert "authorization: ***" in text
    assert "bearer " not in text
