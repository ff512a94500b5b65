"""Runs apps as Docker containers: built, limited, labelled, isolated, and removed by label."""

from clients.docker.limits import AppLimits
from clients.docker.runtime import DockerRuntime

__all__ = ["AppLimits", "DockerRuntime"]
