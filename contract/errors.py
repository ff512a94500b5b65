"""Platform faults. A fault of the app under test is a value, never one of these."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """The canonical gRPC status names that Assay uses."""

    CANCELLED = "CANCELLED"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"


RETRYABLE_CODES = frozenset(
    {
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.RESOURCE_EXHAUSTED,
        ErrorCode.INTERNAL,
        ErrorCode.UNAVAILABLE,
        ErrorCode.DATA_LOSS,
    }
)


class PlatformError(Exception):
    """A fault of the platform: the measurement could not be made.

    Attributes:
        code: what kind of fault; decides whether a retry can help (`RETRYABLE_CODES`).
        message: one sentence that names the cause.
        next_step: what a person can do about it, without the name of a program; empty: unknown, or
            the message says it.
        lines: details, one per line (each wrong field of a spec).
        retry_after_s: seconds after which a retry is welcome, as the overloaded side said.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        next_step: str = "",
        lines: tuple[str, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.next_step = next_step
        self.lines = lines
        self.retry_after_s = retry_after_s

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without anybody changing anything."""
        return self.code in RETRYABLE_CODES


class NewerSchemaError(PlatformError):
    """The store was written by a later version of Assay.

    Attributes:
        found: its schema.
        known: the newest schema that this version knows.
    """

    def __init__(self, where: str, found: str, known: str) -> None:
        super().__init__(
            ErrorCode.FAILED_PRECONDITION,
            f"{where} has schema {found}, and this version of Assay knows none after {known}",
            next_step=f"update Assay, or take the store back to schema {known} with the version "
            "that wrote it",
        )
        self.found = found
        self.known = known
