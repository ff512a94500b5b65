"""The tools of the performance analyzer. `__main__` reads their facts about the host."""

from analyzers.performance.site import Site
from analyzers.performance.tools.lighthouse import Lighthouse
from analyzers.performance.tools.loadtest import LoadTest
from analyzers.performance.tools.openloop import OpenLoop


def build_tools(site: Site) -> tuple[OpenLoop, LoadTest, Lighthouse]:
    """All tools, on the host that `site` describes."""
    return OpenLoop(site), LoadTest(site), Lighthouse(site)


TOOLS = build_tools(Site())
