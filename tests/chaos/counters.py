"""How many runs each analyzer has started, also across its own deaths."""

import re
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.chaos.site import Site

KINDS = ("static", "dynamic", "performance", "ai")
_STARTED = re.compile(r"^assay_runs_started_total\{[^}]*\} (\S+)$", re.MULTILINE)


@dataclass(slots=True)
class RunCounter:
    """Counts from `GET /metrics`, without the proxies; a killed analyzer starts at zero."""

    site: Site
    started: Counter[str] = field(default_factory=Counter)
    _last: dict[str, int] = field(default_factory=dict)

    def note(self) -> None:
        """Add the runs that started since the last call."""
        for kind in KINDS:
            now = self._read(kind)
            if now is None:
                continue
            before = self._last.get(kind, now)
            self.started[kind] += now - before if now >= before else now
            self._last[kind] = now

    def forget(self, kind: str) -> None:
        """The analyzer was killed: its counter begins at zero."""
        self._last[kind] = 0

    def _read(self, kind: str) -> int | None:
        port = self.site.proxies[kind].upstream
        token = (self.site.run_dir / "token").read_text().strip()
        try:
            answer = httpx.get(
                f"http://127.0.0.1:{port}/metrics",
                headers={"Authorization": f"Bearer {token}"},
                timeout=2.0,
            )
        except httpx.HTTPError:
            return None
        found = _STARTED.search(answer.text)
        return int(float(found[1])) if found else None
