"""What tools keep beside their reports, by the names of their attachments.

`EXCHANGES`: requests that showed findings: a JSON object of lists by `exchange_key`. Each item has
`tool`, `request` (text), `status`, `answer` (text) and `cut` (bytes of the answer left out).
`FLOWS`: ways of data: an object of lists by `path_key`, from where data enters to where it does
harm. Each step has `role` (`source`, `step`, `sink`), `path`, `line` and `text`.
`USAGE`: what services used under load: a list of objects with `service`, `at_s`, `cpu_percent` and
`memory_bytes`, lists of one length.
"""

from contract.analysis import Finding

EXCHANGES, FLOWS, USAGE = "exchanges.json", "flows.json", "usage.json"
SCREENSHOTS = "screenshots"
"""Key of a tool's data: a list of objects with the `name` of a picture that it attached, and the
`service` and the `path` of the page that it shows."""


def exchange_key(finding: Finding) -> str:
    """Names the exchanges of a finding among those of its tool."""
    place = finding.location
    return f"{finding.fingerprint} {place.method or ''} {place.url or ''}"
