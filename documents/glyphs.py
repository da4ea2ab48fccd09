"""What the fonts of papers can write: PDF/A forbids a letter without a glyph (ISO 19005-2, 6.2.11.8)."""

from __future__ import annotations

import struct
import unicodedata
from functools import cache
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
MISSING = "□"


def printable(text: str) -> str:
    """The text as a paper can bear it: composed (NFC), without invisible marks, ``□`` for what no font can write."""
    known = _letters()
    return "".join(
        "\n" if letter in "\n\u2028\u2029" else letter if ord(letter) in known else _stand_in(letter)
        for letter in unicodedata.normalize("NFC", text).replace("\r\n", "\n")
    )


def unprintable(text: str) -> str:
    """The letters that no font of papers can write, each once, in their order; empty when all is well."""
    known = _letters()
    letters = dict.fromkeys(unicodedata.normalize("NFC", text))
    return "".join(a for a in letters if ord(a) not in known and _stand_in(a) == MISSING)


def _stand_in(letter: str) -> str:
    match unicodedata.category(letter):
        case "Cf" | "Cc" | "Zl" | "Zp":
            return " " if letter in "\t\n\r\u2028\u2029" else ""
        case "Zs":
            return " "
        case _:
            return MISSING


@cache
def _letters() -> frozenset[int]:
    """The code points that every font in the folder has; private ones are no text (6.2.11.7.3)."""
    first, *others = (_characters(path.read_bytes()) for path in sorted(FONTS.glob("*.ttf")))
    return first.intersection(*others)


def _characters(font: bytes) -> frozenset[int]:
    """The code points of a font's Unicode cmap, format 4 (OpenType, table ``cmap``: it covers the basic plane)."""
    cmap = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", font, cmap + 2)
    for index in range(count):
        platform, _, offset = struct.unpack_from(">HHI", font, cmap + 4 + 8 * index)
        start = cmap + offset
        if platform in (0, 3) and struct.unpack_from(">H", font, start) == (4,):
            return _segments(font, start)
    raise ValueError("the font has no Unicode cmap of format 4")


def _table(font: bytes, tag: bytes) -> int:
    (count,) = struct.unpack_from(">H", font, 4)
    for index in range(count):
        name, _, offset, _ = struct.unpack_from(">4sIII", font, 12 + 16 * index)
        if name == tag:
            return offset
    raise ValueError(f"the font has no table {tag!r}")


def _segments(font: bytes, start: int) -> frozenset[int]:
    (double,) = struct.unpack_from(">H", font, start + 6)
    segments = double // 2
    ends = struct.unpack_from(f">{segments}H", font, start + 14)
    starts = struct.unpack_from(f">{segments}H", font, start + 16 + double)
    return frozenset(
        code
        for first, last in zip(starts, ends, strict=True)
        for code in range(first, last + 1)
        if unicodedata.category(chr(code)) not in {"Cc", "Cf", "Cn", "Co"}
    )
