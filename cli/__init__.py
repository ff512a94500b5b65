"""The command line: what `starter.py` offers, and the local stack it can run by itself."""
