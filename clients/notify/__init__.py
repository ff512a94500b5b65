"""Tells people of alerts: the receivers of the alerts file, and how each of them is reached."""
