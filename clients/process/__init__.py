"""Runs trusted apps without a container engine: as processes confined by bubblewrap."""

from clients.process.runtime import ProcessRuntime

__all__ = ["ProcessRuntime"]
