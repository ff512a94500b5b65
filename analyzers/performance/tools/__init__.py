"""The tools of the performance analyzer."""

from analyzers.performance.tools.lighthouse import Lighthouse
from analyzers.performance.tools.loadtest import LoadTest
from analyzers.performance.tools.openloop import OpenLoop

TOOLS = (OpenLoop(), LoadTest(), Lighthouse())
