"""What analyzers of a running app share: reading its answers, opening its pages confined."""
