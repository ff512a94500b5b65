"""The table `findings`: the weaknesses of the apps after fusion."""

from collections.abc import Callable, Iterator

from contract.analysis import Location, Severity
from contract.weakness import Suppression, Weakness
from reports.tables.schema import Column, OneApp, Table
from reports.tables.shared import OF_APP, of_app

_RANK = {severity: rank for rank, severity in enumerate(reversed(Severity))}
_Numbered = tuple[int, Weakness]
_Value = Callable[[OneApp, _Numbered], object]


def _items(of: OneApp) -> Iterator[_Numbered]:
    """Those that it has, and then those that only its baseline had."""
    return enumerate((*of.app.weaknesses, *of.app.gone))


def _place(read: Callable[[Location], object]) -> _Value:
    return lambda of, one: read(one[1].finding.location)


def _decision(read: Callable[[Suppression], object]) -> _Value:
    def value(of: OneApp, one: _Numbered) -> object:
        return read(one[1].suppression) if one[1].suppression else None

    return value


def _present(of: OneApp, one: _Numbered) -> bool:
    return one[0] < len(of.app.weaknesses)


FINDINGS: Table[OneApp, _Numbered] = Table(
    name="findings",
    meaning="one row per weakness of an app, after fusion over all tools",
    key=(*OF_APP, "ordinal"),
    columns=(
        *of_app(),
        Column("ordinal", "BIGINT", "its number in its app, from 0", lambda of, one: one[0]),
        Column(
            "present",
            "BOOLEAN",
            "false: only the baseline had it, and it is in no count",
            _present,
        ),
        Column(
            "fingerprint",
            "VARCHAR",
            "its identity over pipelines, with `occurrence`",
            lambda of, one: one[1].finding.fingerprint,
        ),
        Column(
            "occurrence",
            "BIGINT",
            "number among the app's weaknesses with this fingerprint, from 0",
            lambda of, one: one[1].occurrence,
        ),
        Column(
            "category",
            "VARCHAR",
            "`security`, `quality`, `accessibility` or `requirement`",
            lambda of, one: one[1].finding.category,
        ),
        Column(
            "severity",
            "VARCHAR",
            "`critical`, `high`, `medium`, `low` or `info`",
            lambda of, one: one[1].finding.severity,
        ),
        Column(
            "severity_rank",
            "BIGINT",
            "4 for critical down to 0 for info",
            lambda of, one: _RANK[one[1].finding.severity],
        ),
        Column(
            "confidence",
            "VARCHAR",
            "`high`, `medium` or `low`: how sure the tools are",
            lambda of, one: one[1].finding.confidence,
        ),
        Column(
            "cwe",
            "BIGINT",
            "its most specific number of the Common Weakness Enumeration",
            lambda of, one: next(iter(one[1].finding.cwe), None),
        ),
        Column("cwes", "BIGINT[]", "all its numbers", lambda of, one: one[1].finding.cwe),
        Column("owasp", "VARCHAR[]", "OWASP Top 10 2021", lambda of, one: one[1].owasp),
        Column("family", "VARCHAR", "family of weaknesses", lambda of, one: one[1].family),
        Column(
            "shape",
            "VARCHAR",
            "digest of the code at fault without its names: equal for the same mistake in two apps",
            lambda of, one: one[1].finding.shape,
        ),
        Column("tool", "VARCHAR", "tool it is told by", lambda of, one: one[1].finding.tool),
        Column("rule", "VARCHAR", "rule of that tool", lambda of, one: one[1].finding.rule_id),
        Column(
            "witnesses",
            "VARCHAR[]",
            "all that saw it, `tool:rule`",
            lambda of, one: one[1].finding.witnesses,
        ),
        Column("path", "VARCHAR", "file below the app's root", _place(lambda at: at.path)),
        Column("line", "BIGINT", "from 1", _place(lambda at: at.line)),
        Column("end_line", "BIGINT", "last line, from 1", _place(lambda at: at.end_line)),
        Column("method", "VARCHAR", "HTTP method", _place(lambda at: at.method)),
        Column("url", "VARCHAR", "path of the HTTP operation", _place(lambda at: at.url)),
        Column("parameter", "VARCHAR", "input at fault", _place(lambda at: at.parameter)),
        Column("message", "VARCHAR", "what is told", lambda of, one: one[1].finding.message),
        Column("evidence", "VARCHAR", "proof", lambda of, one: one[1].finding.evidence),
        Column(
            "origin",
            "VARCHAR",
            "who brought it in: the `model`, or the `scaffold` it began with; or it is `unknown`",
            lambda of, one: one[1].origin,
        ),
        Column(
            "baseline",
            "VARCHAR",
            "`new`, `unchanged`, `fixed` or `unknown` beside the baseline; NULL: there is none",
            lambda of, one: one[1].baseline,
        ),
        Column(
            "baseline_reason",
            "VARCHAR",
            "why nobody knows, if it is `unknown`",
            lambda of, one: one[1].baseline_reason,
        ),
        Column(
            "suppressed",
            "BOOLEAN",
            "a decision says that it needs no action; it is counted apart",
            lambda of, one: one[1].suppression is not None,
        ),
        Column("suppressed_by", "VARCHAR", "who decided", _decision(lambda by: by.who)),
        Column("suppressed_why", "VARCHAR", "the reason", _decision(lambda by: by.why)),
        Column("suppressed_until", "DATE", "last day of it", _decision(lambda by: by.until)),
    ),
    items=_items,
)
