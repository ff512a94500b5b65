"""Live data: one look at a pipeline a second, whoever watches it."""
