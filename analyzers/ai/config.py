"""The endpoint, its models and their prices. Read from the environment once."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from contract.health import NO_ENDPOINT

T = TypeVar("T")
NOT_CONFIGURED = f"{NO_ENDPOINT}: set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input_usd: float
    output_usd: float

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """Price of one call."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1e6


@dataclass(frozen=True, slots=True)
class AiConfig:
    """Everything except the app that a judge's answer depends on.

    Attributes:
        base_url: of an OpenAI-compatible API, usually ending in `/v1`; empty: AI is off.
        models: one judge each.
        prices: by model; a model without a price has no cost figure and cannot have a budget.
        budget_usd: per app, for all judges of both tools together, with every retry while the
            analyzer runs; a call that could exceed it is not made. A check of a tool's canary (one
            small call per judge, at most every 10 minutes; every 6 hours once it was right) has the
            same limit.
        timeout_s: of one call; `max_output_tokens`: of one answer.
        seed: None: none is sent, for servers that do not support it.
        part_chars: app text per call; a longer app is read in parts.
        json_mode: ask for `response_format: json_object`, which some servers do not support.

    Raises:
        ValueError: a budget without a price for every model.
    """

    base_url: str = ""
    api_key: str = field(default="", repr=False)
    models: tuple[str, ...] = ()
    prices: Mapping[str, Price] = field(default_factory=dict)
    budget_usd: float | None = None
    temperature: float = 0.0
    seed: int | None = 7
    timeout_s: float = 120.0
    max_output_tokens: int = 4_096
    part_chars: int = 24_000
    json_mode: bool = True

    def __post_init__(self) -> None:
        unpriced = [model for model in self.models if model not in self.prices]
        if self.budget_usd is not None and unpriced:
            raise ValueError(
                f"ASSAY_AI_BUDGET_USD needs a price for {', '.join(unpriced)}: "
                "set ASSAY_AI_PRICES, e.g. model=0.15/0.60 (US dollars per million tokens, in/out)"
            )

    @property
    def configured(self) -> bool:
        """Whether an endpoint is configured."""
        return bool(self.base_url and self.models)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "AiConfig":
        """Read the `ASSAY_AI_*` variables of `environ`.

        Raises:
            ValueError: a value that cannot be read, naming its variable.
        """
        return cls(
            base_url=environ.get("ASSAY_AI_BASE_URL", ""),
            api_key=_api_key(
                environ.get("ASSAY_AI_API_KEY", ""), environ.get("ASSAY_AI_API_KEY_FILE", "")
            ),
            models=_names(environ.get("ASSAY_AI_MODELS", "")),
            prices=_converted(environ, "ASSAY_AI_PRICES", {}, parse_prices),
            budget_usd=_converted(environ, "ASSAY_AI_BUDGET_USD", None, _positive),
            temperature=_converted(environ, "ASSAY_AI_TEMPERATURE", 0.0, _not_negative),
            seed=_converted(environ, "ASSAY_AI_SEED", 7, _seed),
            timeout_s=_converted(environ, "ASSAY_AI_TIMEOUT_S", 120.0, _positive),
            max_output_tokens=_converted(environ, "ASSAY_AI_MAX_OUTPUT_TOKENS", 4_096, _count),
            part_chars=_converted(environ, "ASSAY_AI_PART_CHARS", 24_000, _part_chars),
            json_mode=_converted(environ, "ASSAY_AI_JSON_MODE", True, _boolean),
        )


def parse_prices(text: str) -> dict[str, Price]:
    """`model=in/out,other=in/out`, US dollars per million tokens.

    >>> parse_prices("small=0.15/0.6")["small"].output_usd
    0.6
    """
    prices: dict[str, Price] = {}
    for entry in _names(text):
        model, found, price = entry.rpartition("=")
        input_usd, slash, output_usd = price.partition("/")
        if not found or not slash:
            raise ValueError(f"{entry!r} is not model=input/output")
        prices[model] = Price(_not_negative(input_usd), _not_negative(output_usd))
    return prices


def _api_key(key: str, path: str) -> str:
    """`key`, or what the file at `path` has, which is never nothing."""
    if not path:
        return key
    if key:
        raise ValueError("set ASSAY_AI_API_KEY or ASSAY_AI_API_KEY_FILE, not both")
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"ASSAY_AI_API_KEY_FILE {path}: {error}") from error
    if not text:
        raise ValueError(f"ASSAY_AI_API_KEY_FILE {path} is empty")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _not_negative(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{value} is no number from 0 up")
    return value


def _positive(text: str) -> float:
    value = _not_negative(text)
    if not value:
        raise ValueError("0 is not above 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(f"{value} is not above 0")
    return value


def _seed(text: str) -> int | None:
    return None if text.lower() == "none" else int(text)


def _part_chars(text: str) -> int:
    value = int(text)
    if value < 2_000:
        raise ValueError(f"{value} is below 2000 characters")
    return value


def _boolean(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in words:
        raise ValueError(f"{text!r} is neither true nor false")
    return words[text.lower()]


def _converted(environ: Mapping[str, str], name: str, default: T, convert: Callable[[str], T]) -> T:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        return convert(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
