"""The tools of the dynamic analyzer, in the order they are shown."""

from analyzers.dynamic.tools.discovery import Discovery
from analyzers.dynamic.tools.errors import ErrorPages
from analyzers.dynamic.tools.exposed import ExposedFiles
from analyzers.dynamic.tools.headers import HttpHeaders
from analyzers.dynamic.tools.injection import Injection
from analyzers.dynamic.tools.wapiti import Wapiti

TOOLS = (Discovery(), HttpHeaders(), ExposedFiles(), ErrorPages(), Injection(), Wapiti())
