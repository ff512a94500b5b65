"""Dynamic analysis: what a running app shows to anybody who sends it requests."""
