"""Who may read, who may change something, and what was changed by whom."""
