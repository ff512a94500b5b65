"""Pictures as PDF, ready for LaTeX: one page of the picture's own size."""

import tempfile
from pathlib import Path

from contract.errors import ErrorCode, PlatformError

_PAGE = """\
#set document(date: none)
#set page(width: auto, height: auto, margin: 0pt)
#image("picture.svg")
"""


def svg_to_pdf(svg: bytes) -> bytes:
    """The picture as PDF; text stays text. The same picture gives the same bytes.

    Typst reads nothing outside a folder of its own.

    Raises:
        PlatformError: INVALID_ARGUMENT when it is no picture that can be drawn.
    """
    import typst  # late: 40 MB that no other command needs

    with tempfile.TemporaryDirectory(prefix="assay-pdf-") as name:
        folder = Path(name)
        (folder / "picture.svg").write_bytes(svg)
        (folder / "page.typ").write_text(_PAGE, encoding="utf-8")
        try:
            return typst.compile(folder / "page.typ", root=folder)
        except typst.TypstError as error:
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, f"no PDF of it: {error}") from error
