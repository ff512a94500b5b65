"""How an analyzer is reached: its server, connections, jobs, archives and uploads."""
