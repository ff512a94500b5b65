"""Reads the code around a finding: its statement, its function, and their normal form."""
