"""Reads an app folder as data: its services, and how each is built and run."""

from clients.appfolder.faults import AppFault
from clients.appfolder.model import AppPlan, Healthcheck, ServicePlan
from clients.appfolder.plan import read_plan

__all__ = ["AppFault", "AppPlan", "Healthcheck", "ServicePlan", "read_plan"]
