"""Whether bytes are a PNG or a JPEG from the first to the last: what follows a picture is none."""

import zlib

_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD_BYTES = 13
_MOST_PIXELS = 100_000_000
_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # start of frame
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_SCAN, _END = 0xDA, 0xD9


def picture_type(content: bytes) -> str | None:
    """`image/png` or `image/jpeg`; None: it is neither, or damaged, or more than that."""
    if content.startswith(_PNG):
        return "image/png" if _is_png(content) else None
    if content.startswith(b"\xff\xd8"):
        return "image/jpeg" if _is_jpeg(content) else None
    return None


def _is_png(content: bytes) -> bool:
    """Each chunk has its checksum, the first says the size, and the last is the end."""
    at = len(_PNG)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4])
        kind, end = content[at + 4 : at + 8], at + 12 + length
        if end > len(content) or not kind.isalpha():
            return False
        if zlib.crc32(content[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
            return False
        if at == len(_PNG) and not (kind == b"IHDR" and _is_head(content[at + 8 : end - 4])):
            return False
        if kind == b"IEND":
            return end == len(content)
        at = end
    return False


def _is_head(data: bytes) -> bool:
    sides = int.from_bytes(data[:4]), int.from_bytes(data[4:8])
    return len(data) == _HEAD_BYTES and _is_size(*sides)


def _is_jpeg(content: bytes) -> bool:
    """Segments with a size among them, scans, and the end at the end."""
    at, sized = 2, False
    while at + 2 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == _END:
            return sized and at + 2 == len(content)
        if marker in _ALONE or marker == 0xFF:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(content[at + 2 : at + 4])
        if length < 2 or at + 2 + length > len(content):
            return False
        if marker in _SIZES:
            sides = content[at + 5 : at + 7], content[at + 7 : at + 9]
            sized = length >= 8 and _is_size(*map(int.from_bytes, sides))
        at += 2 + length
        if marker == _SCAN:
            at = _after_scan(content, at)
    return False


def _after_scan(content: bytes, at: int) -> int:
    """Where the next marker begins: in a scan, FF is followed by 0 or a restart."""
    while (at := content.find(b"\xff", at)) >= 0:
        following = content[at + 1] if at + 1 < len(content) else _END
        if following and following not in _ALONE:
            return at
        at += 2
    return len(content)


def _is_size(width: int, height: int) -> bool:
    return width > 0 and height > 0 and width * height <= _MOST_PIXELS
