"""Fingerprints that survive a moved line."""

from analyzers.static.fingerprint import fingerprint


def test_a_fingerprint_ignores_blanks_and_tells_places_apart():
    one = fingerprint("CWE-89", "app.py", "db.execute(q)")

    assert one == fingerprint("CWE-89", "app.py", "  db.execute( q )\n")
    assert one != fingerprint("CWE-89", "other.py", "db.execute(q)")
    assert one != fingerprint("CWE-79", "app.py", "db.execute(q)")
