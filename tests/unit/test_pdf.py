"""Pictures as PDF."""

import re

import pytest

from clients.pdf import svg_to_pdf
from contract.errors import PlatformError

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100">'
    '<title>t</title><text x="10" y="50" font-size="14">{}</text></svg>'
)


def test_a_picture_becomes_a_page_of_its_size_with_its_text_as_text():
    pdf = svg_to_pdf(SVG.format("Hello").encode())

    assert pdf.startswith(b"%PDF-")
    assert b"/Font" in pdf
    assert not re.search(rb"CreationDate|CreateDate|ModifyDate|ModDate", pdf)
    assert pdf == svg_to_pdf(SVG.format("Hello").encode())


def test_what_is_no_picture_is_one_clear_error():
    with pytest.raises(PlatformError, match="no PDF"):
        svg_to_pdf(b"<svg")


@pytest.mark.parametrize(
    "link", ["/etc/passwd", "../../../../etc/passwd", "http://127.0.0.1:1/x.png"]
)
def test_a_picture_that_names_a_file_of_this_machine_is_refused(link: str):
    named = SVG.replace("</svg>", f'<image href="{link}" width="1" height="1"/></svg>')

    with pytest.raises(PlatformError, match="no PDF"):
        svg_to_pdf(named.format("x").encode())
