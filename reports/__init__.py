"""Reports: pure functions from what was recorded to what a person reads. No I/O."""
