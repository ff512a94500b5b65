"""Dynamic analysis: what a running app shows to whoever sends it requests."""
