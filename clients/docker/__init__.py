"""Runs apps as Docker containers: built, limited, labelled, isolated, and removed by label."""

from clients.docker.runtime import DockerRuntime
from clients.limits import AppLimits

__all__ = ["AppLimits", "DockerRuntime"]
