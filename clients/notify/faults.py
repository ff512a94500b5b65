"""Why a receiver did not take a notice."""


class RefusedError(Exception):
    """It did not; the message says why in a few words and names no secret.

    Attributes:
        may_pass: whether the same attempt may succeed in a moment.
    """

    def __init__(self, why: str, *, may_pass: bool) -> None:
        super().__init__(why)
        self.may_pass = may_pass
