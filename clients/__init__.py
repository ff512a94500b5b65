"""Adapters of the ports: Docker, processes, analyzers, artifacts, Temporal."""
