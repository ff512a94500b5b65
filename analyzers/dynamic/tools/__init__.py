"""The tools of the dynamic analyzer, in the order of reports."""

from analyzers.dynamic.tools.access import AccessControl
from analyzers.dynamic.tools.browser import Browser
from analyzers.dynamic.tools.discovery import Discovery
from analyzers.dynamic.tools.errors import ErrorPages
from analyzers.dynamic.tools.exposed import ExposedFiles
from analyzers.dynamic.tools.headers import HttpHeaders
from analyzers.dynamic.tools.injection import Injection
from analyzers.dynamic.tools.nmap import Nmap
from analyzers.dynamic.tools.schemathesis import Schemathesis
from analyzers.dynamic.tools.wapiti import Wapiti
from analyzers.runtime.tool import Tool

TOOLS: tuple[Tool, ...] = (
    Discovery(),
    HttpHeaders(),
    ExposedFiles(),
    ErrorPages(),
    Injection(),
    AccessControl(),
    Wapiti(),
    Schemathesis(),
    Browser(),
    Nmap(),
)
