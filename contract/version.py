"""The version of Assay's code, for programs whose image has no `pyproject.toml`."""

ASSAY_VERSION = "0.1.0"
