"""The flags of one instruction as they stand in its text, and the text that follows them."""

from dataclasses import dataclass

from clients.docker.dockerfile_parser import Instruction


@dataclass(frozen=True, slots=True)
class Flags:
    """An instruction taken apart. The text after its flags is kept as written."""

    word: str
    rest: str

    @classmethod
    def of(cls, instruction: Instruction) -> "Flags":
        """Split the text as the reference parser does: by blanks outside of quotes."""
        word, rest = (
            instruction.text[: len(instruction.word)],
            instruction.text[len(instruction.word) :],
        )
        for _ in instruction.flags:
            rest = rest.lstrip()
            rest = rest[_length(rest) :]
        return cls(word, rest.lstrip(" \t"))

    def written(self, flags: list[str]) -> str:
        """The instruction with other flags."""
        quoted = [f'"{flag}"' if any(blank in flag for blank in " \t") else flag for flag in flags]
        return " ".join([self.word, *quoted, self.rest]).rstrip("\n")


def _length(text: str) -> int:
    """Characters of the first word."""
    quote = ""
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character.isspace():
            break
        at += 1
    return min(at, len(text))


def value_of(text: str, prefix: str) -> str:
    """The text after `prefix`; empty where `text` begins otherwise."""
    return text.removeprefix(prefix) if text.startswith(prefix) else ""


def mount_options(flag: str) -> list[str]:
    """The `key=value` parts of a `--mount`."""
    return [part.strip() for part in value_of(flag, "--mount=").split(",")]


def saves_time(flag: str) -> bool:
    """Whether a flag is a cache mount, which may always be empty."""
    return "type=cache" in mount_options(flag)


def is_unused_secret(flag: str) -> bool:
    """Whether a secret or key is optional: nobody gives it, so it counts as not mounted."""
    options = mount_options(flag)
    optional = not any(option in ("required", "required=true", "required=1") for option in options)
    return optional and bool({"type=secret", "type=ssh"} & set(options))
