"""What minutes consist of, from the first draft to the approved text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Clock = Callable[[datetime], float | None]
"""Seconds of the film at a moment; ``None`` where the film does not show it."""


class Paragraph(Struct, frozen=True, forbid_unknown_fields=True):
    """One paragraph. ``evidence`` are numbers of log entries that it rests on; ``film`` seconds of the film.

    ``kind``: ``turn`` (a speaker), ``conclusion`` (the chair ruled), ``text`` (written by the secretary).
    """

    id: Annotated[str, Meta(max_length=64)]
    kind: Literal["turn", "conclusion", "text"]
    text: Annotated[str, Meta(max_length=10_000)]
    evidence: tuple[int, ...] = ()
    at: str | None = None
    film: float | None = None


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """One agenda item, or what stood outside all items (``item`` ``None``)."""

    item: str | None
    heading: Annotated[str, Meta(max_length=400)]
    started_at: str | None
    ended_at: str | None
    film: float | None
    paragraphs: Annotated[tuple[Paragraph, ...], Meta(max_length=20_000)]


class Content(Struct, frozen=True, forbid_unknown_fields=True):
    """The minutes as edited. Times are kept as words of the paper (*08 giờ 00, ngày 25 tháng 11 năm 2026*)."""

    title: Annotated[str, Meta(max_length=300)]
    began: Annotated[str, Meta(max_length=200)]
    ended: Annotated[str, Meta(max_length=200)]
    place: Annotated[str, Meta(max_length=300)]
    chair: Annotated[str, Meta(max_length=200)]
    secretary: Annotated[str, Meta(max_length=200)]
    attendance: Annotated[tuple[str, ...], Meta(max_length=5000)]
    sections: Annotated[tuple[Section, ...], Meta(max_length=200)]


def encode(content: Content) -> bytes:
    """The content as it is kept, with keys in order. Film times are left out: they follow from the film."""
    return msgspec.json.encode(timed(content, lambda _: None), order="deterministic")


def decode(data: bytes) -> Content:
    """Raises ``msgspec.MsgspecError`` when the bytes are no minutes."""
    return msgspec.json.decode(data, type=Content)


def timed(content: Content, clock: Clock) -> Content:
    """The same minutes, every moment with its place in the film."""

    def film(at: str | None) -> float | None:
        moment = parsed(at)
        return None if moment is None else clock(moment)

    replace = msgspec.structs.replace
    sections = tuple(
        replace(
            section,
            film=film(section.started_at),
            paragraphs=tuple(replace(paragraph, film=film(paragraph.at)) for paragraph in section.paragraphs),
        )
        for section in content.sections
    )
    return replace(content, sections=sections)


def evidence(content: Content) -> set[int]:
    """The log entries that the minutes refer to."""
    return {seq for section in content.sections for paragraph in section.paragraphs for seq in paragraph.evidence}


def words(content: Content) -> str:
    """All that the paper will say, as one text."""
    head = (content.title, content.began, content.ended, content.place, content.chair, content.secretary)
    body = (text for s in content.sections for text in (s.heading, *(p.text for p in s.paragraphs)))
    return "\n".join((*head, *content.attendance, *body))


def parsed(at: str | None) -> datetime | None:
    """An ISO 8601 moment with its offset; ``None`` for anything else."""
    try:
        moment = datetime.fromisoformat(at or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None
