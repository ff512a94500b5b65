"""The commands: one module per subject. Each reads its arguments, asks `control`, prints."""
