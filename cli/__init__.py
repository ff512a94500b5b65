"""The command line: what `assay` (`starter.py`) offers, and the local stack it can run."""
