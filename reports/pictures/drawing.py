"""A sheet to draw on: SVG with a title, a description, and text that stays text.

Each layer has a look. It stands as attributes, which count on paper, in a PDF and in a file that is
opened alone; and as a class, by which a page gives it the colours of its own theme. There is no
`style`, so a page's Content-Security-Policy needs no exception.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import east_asian_width
from xml.etree import ElementTree as ET

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
FONT_SIZE = 12
_NAMESPACE = "http://www.w3.org/2000/svg"
_WIDEST = 4_000

# From the lowest layer to the highest. Colours differ in lightness too, so that they can be told
# apart in grey; marks and words say the rest.
LOOKS: Mapping[str, Mapping[str, str]] = {
    "sheet": {"fill": "#ffffff"},
    "grid": {"stroke": "#d5dae0", "fill": "none"},
    "bounds": {"fill": "#e3dcf6", "stroke": "#6a3fb5", "stroke-dasharray": "3 2"},
    "box": {"fill": "#dfe3fa", "stroke": "#3a4fd0"},
    "measured": {"fill": "#cfebd9"},
    "app_failed": {"fill": "#f0a267"},
    "infra_failed": {"fill": "#7f5bc4"},
    "not_applicable": {"fill": "#e8ebee"},
    "unfinished": {"fill": "#ffffff", "stroke": "#59636f", "stroke-dasharray": "2 2"},
    "critical": {"fill": "#63102a"},
    "high": {"fill": "#c03a1d"},
    "medium": {"fill": "#e3a437"},
    "low": {"fill": "#9ccbe4"},
    "info": {"fill": "#dde2e7"},
    "unknown": {"fill": "none", "stroke": "#6a3fb5", "stroke-dasharray": "4 3"},
    "axis": {"stroke": "#59636f", "fill": "none"},
    "mark": {"stroke": "#14181f", "stroke-width": "1.5", "fill": "none"},
    "mark-light": {"stroke": "#ffffff", "stroke-width": "1.5", "fill": "none"},
    "median": {"stroke": "#14181f", "stroke-width": "2", "fill": "none"},
    "interval": {"stroke": "#3a4fd0", "stroke-width": "2", "fill": "none"},
    "accent": {"fill": "#3a4fd0"},
    "dot": {"fill": "#3a4fd0", "fill-opacity": "0.55"},
    "tied": {"stroke": "#14181f", "stroke-width": "4", "fill": "none"},
    "edge": {"stroke": "#9d1029", "stroke-width": "2", "stroke-dasharray": "6 3", "fill": "none"},
    "ink": {"fill": "#14181f"},
    "strong": {"fill": "#14181f", "font-weight": "600"},
    "soft": {"fill": "#4f5965"},
    "small": {"fill": "#14181f", "font-size": "10"},
    "small-on-dark": {"fill": "#ffffff", "font-size": "10"},
    "edge-text": {"fill": "#9d1029", "font-weight": "600"},
    "on-dark": {"fill": "#ffffff", "font-weight": "600"},
    "on-light": {"fill": "#14181f", "font-weight": "600"},
}
# What XML cannot hold, and what could turn the order of a line's letters.
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture.

    Attributes:
        name: of its file, without suffix, and of what it contains.
        title: what it shows, in one line.
        description: what a person who cannot see it must know.
        svg: a whole document, which may also stand in a page.
    """

    name: str
    title: str
    description: str
    svg: str


class Drawing:
    """A sheet of `width` pixels; its height is set while it grows."""

    def __init__(self, name: str, width: float, height: float = 0) -> None:
        self.name = name
        self.width = min(width, _WIDEST)
        self.height = height
        self._layers: dict[str, ET.Element] = {}

    def layer(self, look: str) -> ET.Element:
        """The layer of this look, below those that stand after it in `LOOKS`."""
        if look not in self._layers:
            self._layers[look] = ET.Element("g", {"class": f"p-{look}", **LOOKS[look]})
        return self._layers[look]

    def rect(self, look: str, x: float, y: float, width: float, height: float) -> None:
        """A rectangle; nothing where it has no size."""
        if width > 0 and height > 0:
            size = {"x": x, "y": y, "width": width, "height": height}
            ET.SubElement(self.layer(look), "rect", _numbers(size))

    def line(self, look: str, x1: float, y1: float, x2: float, y2: float) -> None:
        """A straight line."""
        ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
        ET.SubElement(self.layer(look), "line", _numbers(ends))

    def circle(self, look: str, x: float, y: float, radius: float) -> None:
        """A disc."""
        ET.SubElement(self.layer(look), "circle", _numbers({"cx": x, "cy": y, "r": radius}))

    def path(self, look: str, steps: str) -> None:
        """Any outline, in SVG's own words; nothing if there are none."""
        if steps:
            ET.SubElement(self.layer(look), "path", {"d": steps})

    def text(
        self, look: str, x: float, y: float, words: str, anchor: str = "start", room: float = 0
    ) -> None:
        """One line of text on the base line `y`, cut with an ellipsis to `room` pixels if given."""
        shown = shortened(words, room) if room else fit(words)
        made = ET.SubElement(self.layer(look), "text", _numbers({"x": x, "y": y}))
        if anchor != "start":
            made.set("text-anchor", anchor)
        made.text = shown
        if shown != fit(words):
            ET.SubElement(made, "title").text = fit(words)

    def turned_text(self, look: str, x: float, y: float, words: str, room: float) -> None:
        """One line of text that runs upwards from (x, y)."""
        place = f"translate({number(x)} {number(y)}) rotate(-90)"
        made = ET.SubElement(self.layer(look), "text", {"transform": place})
        made.text = shortened(words, room)

    def picture(self, title: str, description: str) -> Picture:
        """The finished picture."""
        words = (("title", fit(title)), ("desc", fit(description)))
        root = ET.Element("svg", self._attributes())
        for tag, text in words:
            ET.SubElement(root, tag, {"id": f"{self.name}-{tag}"}).text = text
        size = _numbers({"width": self.width, "height": self.height})
        sheet = ET.SubElement(root, "g", {"class": "p-sheet", **LOOKS["sheet"]})
        ET.SubElement(sheet, "rect", size)
        root.extend(self._layers[look] for look in LOOKS if look in self._layers)
        return Picture(self.name, words[0][1], words[1][1], ET.tostring(root, encoding="unicode"))

    def _attributes(self) -> dict[str, str]:
        width, height = number(self.width), number(self.height)
        return {
            "xmlns": _NAMESPACE,
            "class": "picture",
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "height": height,
            "role": "img",
            "aria-labelledby": f"{self.name}-title {self.name}-desc",
            "font-family": FONT,
            "font-size": str(FONT_SIZE),
        }


def number(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def fit(words: str) -> str:
    """`words` as XML can hold them, in the order in which they were written."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", words)


def width_of(words: str, size: float = FONT_SIZE) -> float:
    """About how wide a text is, in pixels; rather too much, as nobody knows the reader's font."""
    return size * sum(_width(letter) for letter in words)


def shortened(words: str, room: float, size: float = FONT_SIZE) -> str:
    """`words` cut in the middle to about `room` pixels: names differ at their ends."""
    words = fit(words)
    if width_of(words, size) <= room:
        return words
    letters = max(3, int(room / size / 0.6) - 1)
    wide = width_of(words[:letters], 1) / (0.6 * len(words[:letters]))
    letters = max(3, int(letters / max(1.0, wide)))
    head = letters // 2
    return f"{words[:head]}…{words[-(letters - head) :]}"


@lru_cache(maxsize=4096)
def _width(letter: str) -> float:
    if east_asian_width(letter) in "WF":
        return 1.0
    return 0.3 if letter in "iljtf.,:;'|!() " else 0.85 if letter in "mwMW%@" else 0.6


def _numbers(values: Mapping[str, float]) -> dict[str, str]:
    return {name: number(value) for name, value in values.items()}
