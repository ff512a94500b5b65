"""Client side of the analyzer protocol (`docs/protocol.md`)."""
