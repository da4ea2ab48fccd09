"""The window to typst: what a paper holds as data, and the PDF/A that a layout makes of it.

The same data gives the same bytes. Data enters as JSON through ``sys_inputs``, so no text of a user is ever read as
markup. Fonts come from ``documents/fonts`` alone (Tinos: the metrics of Times New Roman, every Vietnamese letter).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from documents.glyphs import FONTS, printable

LAYOUTS = Path(__file__).parent / "layouts"
STANDARD = "a-2a"
"""PDF/A-2 (ISO 19005-2), level A: tagged, so a screen reader reads it in order."""


class PaperFailed(Exception):
    """typst could not set the paper."""


class Section(Struct, frozen=True):
    """One part of the minutes; ``times`` are words, or empty."""

    heading: str
    times: str
    paragraphs: tuple[str, ...]


class MinutesPaper(Struct, frozen=True):
    """*Biên bản*. ``dated`` is the moment written into the file, ``number`` a whole ``wording.document_number``."""

    parent: str
    body: str
    number: str
    draft: bool
    dated: datetime
    title: str
    began: str
    place: str
    attendance: tuple[str, ...]
    chair: str
    secretary: str
    sections: tuple[Section, ...]
    ended: str
    secretary_name: str
    chair_name: str
    recipients: tuple[str, ...]


class InvitationPaper(Struct, frozen=True):
    """*Giấy mời*. ``paragraphs`` end without the closing sign; rows of ``agenda``: number, time, content, presenter."""

    parent: str
    body: str
    number: str
    draft: bool
    dated: datetime
    place_date: str
    subject: str
    paragraphs: tuple[str, ...]
    agenda: tuple[tuple[str, str, str, str], ...]
    authority: str
    signer_title: str
    signer_name: str
    recipients: tuple[str, ...]


Paper = MinutesPaper | InvitationPaper


def render_pdf(paper: Paper) -> bytes:
    """The paper as PDF/A. Takes tens of milliseconds: call it in a thread. Raises ``PaperFailed``."""
    second = paper.dated.astimezone(UTC).replace(microsecond=0)
    pdf = _compile(paper, format="pdf", pdf_standards=STANDARD, timestamp=second)
    assert isinstance(pdf, bytes)
    return pdf


def render_png(paper: Paper, dots_per_inch: int = 96) -> list[bytes]:
    """The paper as pictures, one a page, for a preview on the screen."""
    pages: list[bytes] | bytes = _compile(paper, format="png", ppi=float(dots_per_inch))
    return [pages] if isinstance(pages, bytes) else pages


def _compile(paper: Paper, **how: Any) -> Any:
    import typst

    name = "minutes" if isinstance(paper, MinutesPaper) else "invitation"
    values = _printable(msgspec.to_builtins(paper))
    try:
        return typst.Compiler(
            LAYOUTS / f"{name}.typ",
            root=LAYOUTS,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": msgspec.json.encode(values).decode()},
        ).compile(**how)
    except typst.TypstError as error:
        raise PaperFailed(error.message) from error


def _printable(value: Any) -> Any:
    match value:
        case str():
            return printable(value)
        case tuple():
            return tuple(_printable(part) for part in cast("tuple[Any, ...]", value))
        case dict():
            return {key: _printable(part) for key, part in cast("dict[str, Any]", value).items()}
        case _:
            return value


@cache
def _fonts() -> Any:
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
