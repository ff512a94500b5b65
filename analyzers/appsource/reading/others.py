"""Languages whose routes no reader here knows."""

_LANGUAGES = {
    ".php": "PHP", ".go": "Go", ".rb": "Ruby", ".java": "Java", ".kt": "Kotlin", ".rs": "Rust",
    ".cs": "C#", ".scala": "Scala", ".ex": "Elixir", ".exs": "Elixir", ".pl": "Perl", ".lua": "Lua",
    ".swift": "Swift", ".dart": "Dart", ".clj": "Clojure", ".jsp": "JSP", ".fs": "F#",
    ".hs": "Haskell", ".erl": "Erlang", ".cr": "Crystal", ".nim": "Nim",
    ".jl": "Julia", ".groovy": "Groovy",
}  # fmt: skip
OTHER_SUFFIXES = tuple(_LANGUAGES)


def other_language(file: str) -> str:
    """Why the routes of a file cannot be read; empty where its language is known."""
    suffix = file[file.rfind(".") :] if "." in file.rpartition("/")[2] else ""
    name = _LANGUAGES.get(suffix)
    return f"no reader knows the routes of {name}" if name else ""
