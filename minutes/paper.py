"""From the minutes as edited to the paper of Decree 30/2020/NĐ-CP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from documents.paper import MinutesPaper
from documents.paper import Section as PaperSection
from documents.wording import document_number, stretch
from minutes.content import Content, Section, parsed

KIND = "BB"
RECIPIENTS = ("Như thành phần tham dự", "Lưu: VT, hồ sơ cuộc họp")


@dataclass(frozen=True)
class Letterhead:
    """The body that convened: its superior's name, its own, its letters in document numbers."""

    parent: str
    body: str
    symbol: str

    def number(self, given: int | None) -> str:
        """*01/BB-VP*, or with room for the number."""
        return document_number(given, KIND, self.symbol)


@dataclass(frozen=True)
class Signatures:
    """Whose names stand under *THƯ KÝ* and *CHỦ TỌA*."""

    secretary: str
    chair: str


def paper(
    content: Content,
    head: Letterhead,
    signed: Signatures,
    dated: datetime,
    *,
    number: int | None = None,
) -> MinutesPaper:
    """Without a number it is a draft and bears the mark *DỰ THẢO*."""
    return MinutesPaper(
        parent=head.parent,
        body=head.body,
        number=head.number(number),
        draft=number is None,
        dated=dated,
        title=content.title,
        began=_or_room(content.began),
        place=_or_room(content.place),
        attendance=content.attendance,
        chair=_or_room(content.chair),
        secretary=_or_room(content.secretary),
        sections=tuple(_section(section) for section in content.sections),
        ended=_or_room(content.ended),
        secretary_name=signed.secretary,
        chair_name=signed.chair,
        recipients=RECIPIENTS,
    )


def _section(section: Section) -> PaperSection:
    started, ended = parsed(section.started_at), parsed(section.ended_at)
    times = stretch(started, ended) if started and ended else ""
    return PaperSection(section.heading, times, tuple(paragraph.text for paragraph in section.paragraphs))


def _or_room(text: str) -> str:
    """Room to write by hand what is not known."""
    return text.strip().rstrip(".") or "…………………………"
