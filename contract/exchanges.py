"""Where a tool keeps the requests that showed its findings, beside its report."""

from contract.analysis import Finding

EXCHANGES = "exchanges.json"
"""Attachment: a JSON object of lists, by `exchange_key`. Each item has `tool`, `request` (text),
`status`, `answer` (text) and `cut` (bytes of the answer that are left out)."""


def exchange_key(finding: Finding) -> str:
    """Names the exchanges of a finding among those of its tool."""
    place = finding.location
    return f"{finding.fingerprint} {place.method or ''} {place.url or ''}"
