"""The two kinds of model: what machines exchange and what people write."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value machines exchange: immutable, and a tolerant reader of fields it does not know.

    Frames, workflow histories and reports outlive the version that wrote them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class Authored(BaseModel):
    """A document a person writes: an unknown field is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")
