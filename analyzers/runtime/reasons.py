"""Why a file was not looked at: a text for people that carries its cause for programs."""

from typing import Self

from contract.analysis import SkipCause, Skipped


class Reason(str):
    """The text, and what programs have to know of it; a plain text has no particular cause."""

    cause: SkipCause

    def __new__(cls, text: str, cause: SkipCause) -> Self:
        """`text` for people, `cause` for programs."""
        reason = super().__new__(cls, text)
        reason.cause = cause
        return reason


def vendored(detail: str = "") -> Reason:
    """It is somebody else's work."""
    return Reason(f"vendored: {detail}" if detail else "vendored", SkipCause.VENDORED)


def built(detail: str = "") -> Reason:
    """A machine made it of the app's own files."""
    return Reason(f"build output: {detail}" if detail else "build output", SkipCause.BUILT)


def compiled(detail: str) -> Reason:
    """A compiler wrote the script: it may be all that there is of some of the app's own code."""
    return Reason(f"build output: {detail}", SkipCause.COMPILED)


def broken(detail: str) -> Reason:
    """The file is no source in its own language, whoever reads it."""
    return Reason(f"syntax error: {detail}", SkipCause.BROKEN)


def cause_of(reason: str) -> SkipCause:
    """The cause of a reason."""
    return reason.cause if isinstance(reason, Reason) else SkipCause.OTHER


def not_own(reason: str) -> bool:
    """Whether it says: somebody else's work, or a machine's."""
    return cause_of(reason) in (SkipCause.VENDORED, SkipCause.BUILT, SkipCause.COMPILED)


def skipped(name: str, reason: str) -> Skipped:
    """An entry of a coverage."""
    return Skipped(what=name, reason=str(reason)[:500], cause=cause_of(reason))


def reason_of(entry: Skipped) -> Reason:
    """Its reason, with its cause."""
    return Reason(entry.reason, entry.cause)
