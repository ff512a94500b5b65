"""Whose fault it is, on the analyzers' side: a table from observations to states of the cell.

A tool does not choose between its exceptions: it names the row of what it saw, and the row has the
state. `docs/blame.md` shows this table to people, together with the rows of the engine's side.
"""

from analyzers.runtime.tool import AppFault, NotApplicable, ToolFault
from contract.analysis import MeasurementState
from contract.blame import Row

_APP = MeasurementState.APP_FAILED
_INFRA = MeasurementState.INFRA_FAILED
_NOTHING = MeasurementState.NOT_APPLICABLE

ROWS: tuple[Row, ...] = (
    Row(
        key="load-server-errors",
        seen="every operation that was asked for answers 5xx",
        state=_APP,
        because="server errors to requests that only read are the app's own, on any platform",
        again="asked again once the host is calm",
    ),
    Row(
        key="load-died",
        seen="after a load test every connection to the app is refused",
        state=_APP,
        because="nobody listens any more, and load alone must not end an app; where its container "
        "was taken away from outside, the platform's own check overrules this",
        again="asked several times over some seconds, so that a restart is no death",
    ),
    Row(
        key="load-unreachable",
        seen="no connection to the app comes about before anything was loaded",
        state=_INFRA,
        because="the app answered when it was started, so the way to it is in doubt",
    ),
    Row(
        key="load-silent",
        seen="connections are accepted, but no answer comes in time",
        state=_INFRA,
        because="slow is not dead: only an exit or a refused connection proves a death",
        again="asked again once the host is calm",
    ),
    Row(
        key="load-https-only",
        seen="plain HTTP is answered with nothing but redirects to https",
        state=_INFRA,
        because="behind its own proxy the app would serve; that we bring none is our gap",
        again="asked again as a proxy that ends TLS would ask (X-Forwarded-Proto)",
    ),
    Row(
        key="load-not-found",
        seen="only 404 and 405 answers to the paths that are known",
        state=_INFRA,
        because="an app serves something: that we do not know its paths is our gap",
    ),
    Row(
        key="load-login",
        seen="every operation wants a login (401, 403, or a redirect to the login page)",
        state=_INFRA,
        because="a load test does not log in: what lies behind the login is missing data",
    ),
    Row(
        key="load-rate-limited",
        seen="every operation is answered 429",
        state=_INFRA,
        because="a limit on clients is a feature; nothing could be measured within it",
        again="asked again after the time the app named, up to a minute",
    ),
    Row(
        key="load-only-writes",
        seen="the app's routes were read and none only reads",
        state=_NOTHING,
        because="operations that change state are never loaded, so there is nothing to load",
    ),
    Row(
        key="load-nothing",
        seen="answers of several kinds, none of which can be loaded (other client errors, only "
        "fallback pages, streams, bodies above the limit)",
        state=_INFRA,
        because="none of them proves a fault of the app",
    ),
    Row(
        key="sample-rate-limited",
        seen="the app's own limit on clients lies below what a second generator would send",
        state=_NOTHING,
        because="its sample would be answers of the limiter, not of the app",
    ),
    Row(
        key="page-none",
        seen="no service answers any path that is known with HTML",
        state=_NOTHING,
        because="an API has no page for a browser; a 404 at / is no failure",
    ),
    Row(
        key="page-broken",
        seen="a browser gets the page, and it does not load or paint",
        state=_APP,
        because="everything it needs is the app's own, and it shows nothing",
        again="loaded once more on a calm host",
    ),
    Row(
        key="page-empty",
        seen="a browser gets a page without a script, and nothing of it is to be seen",
        state=_NOTHING,
        because="it holds nothing to paint, and no script could have failed",
        again="loaded once more on a calm host",
    ),
    Row(
        key="page-slow",
        seen="a browser gets the page, and it does not load or paint on a loaded host",
        state=_INFRA,
        because="slow is not dead: on a calm host it might have painted",
        again="loaded once more, after a wait for a calm host",
    ),
    Row(
        key="page-needs-outside",
        seen="a page does not load or paint, and asked for what is not let through",
        state=_INFRA,
        because="with the network it was written for it may well paint: we denied it",
    ),
    Row(
        key="scan-died",
        seen="before, during or after a scan every connection to the app is refused or dropped",
        state=_APP,
        because="nobody listens any more; where its container was taken away from outside, the "
        "platform's own check overrules this",
        again="asked again over some seconds, so that a restart is no death",
    ),
    Row(
        key="scan-server-errors",
        seen="the app answers everything it is asked with 5xx",
        state=_APP,
        because="server errors to requests that only read are the app's own, on any platform",
    ),
    Row(
        key="scan-silent",
        seen="connections are accepted, but no answer comes in time",
        state=_INFRA,
        because="slow is not dead: only an exit or a refused connection proves a death",
        again="asked three times",
    ),
    Row(
        key="scan-operation-fails",
        seen="the app answers, but all that a tool asks for is answered with 5xx",
        state=_INFRA,
        because="the app runs: what a tool was kept from is missing data, and the errors are "
        "findings of another",
    ),
    Row(
        key="scan-rate-limited",
        seen="the app's quota was spent before anything was looked at",
        state=_INFRA,
        because="a limit on clients is a feature; nothing could be looked at within it",
        again="waited for as long as the app says, within the tool's time",
    ),
    Row(
        key="scan-https-only",
        seen="plain HTTP is answered with nothing but redirects to https",
        state=_INFRA,
        because="behind its own proxy the app would answer, and we have none that ends TLS",
        again="asked again as a proxy that ends TLS would ask (X-Forwarded-Proto)",
    ),
    Row(
        key="scan-elsewhere",
        seen="everything redirects to another origin",
        state=_INFRA,
        because="only the app itself is asked; what it shows elsewhere is missing data",
    ),
    Row(
        key="scan-login",
        seen="everything wants a login (401, 403, or a redirect to one), and none succeeded",
        state=_INFRA,
        because="what lies behind the login is missing data",
        again="an account is registered and logged in, with fresh tokens of its forms",
    ),
    Row(
        key="scan-unreadable",
        seen="no answer could be read: unknown encoding or character set",
        state=_INFRA,
        because="a browser may well read it: that we do not is our gap",
    ),
    Row(
        key="scan-only-404",
        seen="only 404 was seen",
        state=_INFRA,
        because="an app serves something: that we do not know its paths is our gap",
        again="paths that its files, links and routes name, and the usual ones, were asked",
    ),
    Row(
        key="scan-no-page",
        seen="a front end shows no page that can be looked at, without a server error",
        state=_INFRA,
        because="none of its answers proves a fault of the app",
    ),
    Row(
        key="scan-unanswered",
        seen="no request of a tool was answered or allowed",
        state=_INFRA,
        because="none of it proves a fault of the app",
    ),
    Row(
        key="scan-routes-unread",
        seen="nothing was found to look at, and the routes could not be read",
        state=_INFRA,
        because="what nobody could read may take input, and may ask for a login",
    ),
    Row(
        key="scan-alike",
        seen="every path is answered as a random one is",
        state=_NOTHING,
        because="nothing can be told apart, and nothing of it is what was asked for",
    ),
    Row(
        key="scan-nothing",
        seen="nothing of what was asked for is there, and the routes are known",
        state=_NOTHING,
        because="the app has nothing for this tool",
    ),
    Row(
        key="source-broken",
        seen="no parser takes any of a tool's files: Markdown fences, truncated or Python 2 code, "
        "NUL bytes, another encoding",
        state=_NOTHING,
        because="the broken file is the app's and a finding of its own; whether the app fails for "
        "it is for those to say who run it",
        again="asked of the parsers of the language themselves",
    ),
    Row(
        key="source-unread",
        seen="a tool can read none of its files, and one of them is sound: newer syntax than its"
        " parser knows, too large, too deep",
        state=_INFRA,
        because="a sound file that our parser does not read is our gap",
    ),
    Row(
        key="tool-failed",
        seen="a tool ends early, or does not end, on every file it is given",
        state=_INFRA,
        because="the files are sound to the parsers of their language",
        again="asked again without broken files, then by halves, until the files it fails on are "
        "named and spared",
    ),
)
_BY_KEY = {row.key: row for row in ROWS}
_RAISED: dict[MeasurementState, type[AppFault | NotApplicable | ToolFault]] = {
    _APP: AppFault,
    _INFRA: ToolFault,
    _NOTHING: NotApplicable,
}


def verdict(key: str, detail: str) -> AppFault | NotApplicable | ToolFault:
    """The exception that gives a cell the state of row `key`; its `row` is the key.

    Raises:
        KeyError: there is no such row. Every verdict needs one.
    """
    fault = _RAISED[_BY_KEY[key].state](detail)
    fault.row = key
    return fault
