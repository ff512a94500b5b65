"""How Assay's own programs are watched: spans of a trace, and one form of log for all of them."""
