r"""LaTeX source: texts that nobody's name can break out of, and tables in the style of booktabs.

Whatever the engine and the encoding (pdfTeX, XeTeX, LuaTeX; OT1, T1), the source is pure ASCII:
letters with an accent become accent commands, what LaTeX's fonts may lack becomes its code point.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MAX_CHARS = 160
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"{}\char96{}",
    "'": r"\char39{}",
    # Where a row begins with one of these, its predecessor's `\\` would take it for an argument.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    # Two of them would become a dash, `?` and `!` with a backquote other characters.
    "-": "{-}",
    "\u2013": "--",
    "\u2014": "---",
    "\u2212": "$-$",
    "\u2026": r"\ldots{}",
    "\u00d7": r"$\times$",
    "\u2265": r"$\geq$",
    "\u2264": r"$\leq$",
    "\u00b1": r"$\pm$",
    "\u00a0": "~",
    "\u00df": r"\ss{}",
    "\u00e6": r"\ae{}",
    "\u00c6": r"\AE{}",
    "\u00f8": r"\o{}",
    "\u00d8": r"\O{}",
    "\u03b1": r"$\alpha$",
    "\u03b4": r"$\delta$",
    "\u03c7": r"$\chi$",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0308": '"',
    "\u030a": "r",
    "\u030c": "v",
    "\u0327": "c",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u030b": "H",
}


def tex(text: str, max_chars: int = _MAX_CHARS) -> str:
    """`text` as LaTeX source that prints it, and does nothing else."""
    words = " ".join(text.split())
    if len(words) > max_chars:
        words = f"{words[: max_chars - 1]}\u2026"
    return "".join(map(_char, words))


def comment(text: str) -> str:
    """`text` as a comment of one line."""
    printable = "".join(char if " " <= char <= "~" else "?" for char in text)
    return f"% {printable}"


def slug(name: str) -> str:
    """A name of a measure as part of a file's name and of a label."""
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in name)[:60]


def _char(char: str) -> str:
    if char in _SPECIAL:
        return _SPECIAL[char]
    if " " <= char <= "~":
        return char
    base, *marks = unicodedata.normalize("NFD", char)
    if len(marks) == 1 and marks[0] in _ACCENTS and base.isascii() and base.isalpha():
        letter = {"i": r"\i", "j": r"\j"}.get(base, base)
        return f"{{\\{_ACCENTS[marks[0]]}{{{letter}}}}}"
    return f"{{[}}U+{ord(char):04X}{{]}}"


@dataclass(frozen=True, slots=True)
class TexTable:
    """A table to include in a paper.

    Attributes:
        name: of its file and its label.
        caption: LaTeX source: what its figures are, and what is missing in them.
        columns: letters of `tabular` (`l`, `r`).
        head, rows: cells, as LaTeX source.
        rules: numbers of the rows above which a thin rule stands.
    """

    name: str
    caption: str
    columns: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    rules: tuple[int, ...] = ()

    def source(self, origin: str) -> str:
        """The file; it needs the package booktabs, and nothing else."""
        return "\n".join((*self._lines(origin), ""))

    def _lines(self, origin: str) -> Iterable[str]:
        yield comment(f"made by Assay from {origin}; needs \\usepackage{{booktabs}}")
        yield from (r"\begin{table}[htbp]", r"\centering", r"\small")
        yield f"\\caption{{{self.caption}}}"
        yield from (f"\\label{{tab:assay-{self.name}}}", r"\smallskip")
        yield f"\\begin{{tabular}}{{@{{}}{self.columns}@{{}}}}"
        yield from (r"\toprule", _row(self.head), r"\midrule")
        for number, row in enumerate(self.rows):
            if number in self.rules:
                yield r"\midrule"
            yield _row(row)
        yield from (r"\bottomrule", r"\end{tabular}", r"\end{table}")


def _row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
