"""The tools of the performance analyzer."""

from analyzers.performance.tools.openloop import OpenLoop

TOOLS = (OpenLoop(),)
