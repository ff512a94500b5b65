"""The performance analyzer: load at a fixed arrival rate, with a measure of the host's own load."""
