"""The performance analyzer: load at a fixed arrival rate, and an honest word about the host."""
