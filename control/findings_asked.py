"""Filters of a list of weaknesses as people type them: on a command line, in a form, in a URL."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, StringConstraints, ValidationError, model_validator

from contract.analysis import Confidence, Severity
from contract.analyzers import Category
from contract.base import Frozen
from contract.findings import TEXT_LETTERS, FindingsQuery
from contract.role import AppRole
from contract.standing import Standing
from control.errors import WrongInputError
from control.naming import app_of

MOST_VALUES = 50
_Name = Annotated[str, StringConstraints(max_length=300)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=MOST_VALUES)]


class Filters(Frozen):
    """What weaknesses have; an empty one leaves nothing out. Values of one are alternatives.

    Attributes:
        model: of these models.
        app: of these apps, `model/appN`.
        tool: seen by these tools (`bandit`, `static/bandit`), alone or among others.
        severity: of these severities.
        confidence: how sure the tools are.
        category: what they speak about; left out: security; `all`: whatever it is.
        cwe: the most specific weakness, `CWE-89` or `89`.
        owasp: category of the OWASP Top 10 2021, `A03`.
        family: family of weaknesses, `sql-injection`.
        rule: rule, as its tool writes it.
        fingerprint: identity of the weakness.
        text: is in the message, rule, place, family, evidence or fingerprint, in any case.
    """

    model: _Names = ()
    app: _Names = ()
    tool: _Names = ()
    severity: Annotated[tuple[Severity, ...], Field(max_length=MOST_VALUES)] = ()
    confidence: Annotated[tuple[Confidence, ...], Field(max_length=MOST_VALUES)] = ()
    category: Annotated[
        tuple[Category | Literal["all"], ...],
        Field(max_length=MOST_VALUES, description="Left out: `security`; `all`: whatever it is."),
    ] = ()
    cwe: _Names = ()
    owasp: _Names = ()
    family: _Names = ()
    rule: _Names = ()
    fingerprint: _Names = ()
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=TEXT_LETTERS)] = ""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        """Forms send every field, those that were left empty too."""
        if not isinstance(values, Mapping):
            return values
        return {name: _without_empty(value) for name, value in values.items()}

    @property
    def categories(self) -> tuple[Category, ...]:
        """Those that are wanted; none: all."""
        if "all" in self.category:
            return ()
        return tuple(map(Category, self.category)) or (Category.SECURITY,)


class Asked(Filters):
    """Filters of a list of weaknesses.

    Attributes:
        state: what the baseline or a decision says of it.
        role: of the apps; left out: of the subjects.
    """

    state: Annotated[tuple[Standing, ...], Field(max_length=MOST_VALUES)] = ()
    role: Annotated[
        tuple[AppRole, ...],
        Field(max_length=MOST_VALUES, description="Of the apps; left out: `subject`."),
    ] = ()

    @property
    def standings(self) -> frozenset[Standing]:
        """Those that are wanted; none: all."""
        return frozenset(self.state)

    def query(self, pipeline_id: str, after: str = "") -> FindingsQuery:
        """The question to the store.

        Raises:
            WrongInputError: an app, a CWE or a category is none.
        """
        return FindingsQuery(
            pipeline_id=pipeline_id,
            models=self.model,
            apps=tuple(map(app_of, self.app)),
            tools=self.tool,
            severities=self.severity,
            confidences=self.confidence,
            categories=self.categories,
            cwe=tuple(map(cwe_number, self.cwe)),
            owasp=tuple(map(owasp_category, self.owasp)),
            families=self.family,
            rules=self.rule,
            fingerprints=self.fingerprint,
            roles=self.role or (AppRole.SUBJECT,),
            text=self.text,
            after=after,
        )


Form = TypeVar("Form", bound=Filters)


def asked(typed: Mapping[str, Sequence[str] | None]) -> Asked:
    """The filters of a list that were typed, by name.

    Raises:
        WrongInputError: one of them is none; each has its line.
    """
    return filters_of(Asked, typed)


def filters_of(form: type[Form], typed: Mapping[str, Sequence[str] | None]) -> Form:
    """The filters that were typed, by name.

    Raises:
        WrongInputError: one of them is none; each has its line.
    """
    fields = {name: tuple(typed.get(name) or ()) for name in form.model_fields}
    try:
        return form.model_validate({**fields, "text": " ".join(fields["text"])})
    except ValidationError as error:
        lines = [_wrong(fields, problem["loc"], problem["msg"]) for problem in error.errors()[:5]]
        raise WrongInputError(
            "a filter cannot be used", next_step="correct it, or leave it out", lines=tuple(lines)
        ) from None


def cwe_number(text: str) -> int:
    """The number in `CWE-89` or `89`.

    Raises:
        WrongInputError: it is none.
    """
    digits = text.upper().removeprefix("CWE-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 6):
        raise WrongInputError(f"{text[:40]!r} is no CWE", next_step="write CWE-89")
    return int(digits)


def owasp_category(text: str) -> str:
    """The category in `A03`, `a3` or `A03:2021`.

    Raises:
        WrongInputError: it is none.
    """
    digits = text.upper().removesuffix(":2021").removeprefix("A")
    if digits.isascii() and digits.isdecimal() and 1 <= int(digits[:4]) <= 10:
        return f"A{int(digits):02}"
    raise WrongInputError(
        f"{text[:40]!r} is no category of the OWASP Top 10 2021", next_step="write A01 to A10"
    )


def _without_empty(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(each for each in value if each != "")
    return value


def _wrong(typed: Mapping[str, Sequence[str]], place: Sequence[int | str], why: str) -> str:
    name, *rest = place
    values = typed.get(str(name), ())
    value = values[rest[0]] if rest and isinstance(rest[0], int) and rest[0] < len(values) else ""
    return f"{name}: {value[:40]!r}: {why}" if value else f"{name}: {why}"
