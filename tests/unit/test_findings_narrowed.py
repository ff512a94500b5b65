"""A list of what is suppressed has all of it, however the decisions name it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from contract.standing import Standing
from contract.suppression import Suppression
from control.findings import findings, standing_of
from control.findings_asked import asked
from control.stored import Stored
from tests.support.two_pipelines import MODEL, two_pipelines

APP = f"{MODEL}/app1"
DECISIONS: dict[str, list[dict[str, str]]] = {
    "apps": [{"fingerprint": "v2-kept", "app": APP}, {"rule": "B608", "path": "**", "app": APP}],
    "names": [{"fingerprint": "v2-kept"}, {"fingerprint": "v2-other", "app": "*"}],
    "a rule everywhere": [{"rule": "CWE-89", "path": "src/o*.py"}, {"fingerprint": "v2-fresh"}],
    "no app": [{"fingerprint": "v2-kept", "app": "nobody"}],
    "one that is over": [{"fingerprint": "v2-kept", "until": "2001-01-01"}],
    "more than a few": [{"fingerprint": f"v2-{n}"} for n in range(30)]
    + [{"fingerprint": "v2-kept"}],
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    asyncio.run(two_pipelines(folder))
    return folder / "assay.db"


@pytest.mark.parametrize("kind", DECISIONS)
@pytest.mark.parametrize("app", ["", f"{MODEL}/app4"])
async def test_what_is_suppressed_is_listed_whole(
    kind: str, app: str, recorded: Path, tmp_path: Path
):
    database = shutil.copy(recorded, tmp_path)
    stored = Stored(f"sqlite+aiosqlite:///{database}", in_use=lambda: False).kept()
    for fields in DECISIONS[kind]:
        made = Suppression.model_validate({"who": "Ada", "why": "known", **fields})
        await stored.answered("after", lambda store, made=made: store.suppress("after", made))
    query = asked({"app": [app]}).query("after")

    whole = await findings(stored, query, (), 100)
    listed = await findings(stored, query, [Standing.SUPPRESSED], 100)
    await stored.close()

    held = [item for item in whole.findings if standing_of(item) is Standing.SUPPRESSED]
    assert list(listed.findings) == held
    assert bool(held) is (
        kind not in ("no app", "one that is over")
        and (not app or kind in ("names", "a rule everywhere"))
    )
