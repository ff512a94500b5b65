"""The tools of the performance analyzer. What they know of their host, `__main__` reads."""

from analyzers.performance.site import Site
from analyzers.performance.tools.lighthouse import Lighthouse
from analyzers.performance.tools.loadtest import LoadTest
from analyzers.performance.tools.openloop import OpenLoop


def build_tools(site: Site) -> tuple[OpenLoop, LoadTest, Lighthouse]:
    """All tools, on the host that `site` describes."""
    return OpenLoop(site), LoadTest(site), Lighthouse(site)


TOOLS = build_tools(Site())
