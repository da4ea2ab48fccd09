from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MinutesState = Literal["draft", "submitted", "approved"]


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
    paragraphs: Annotated[tuple[Paragraph, ...], Meta(max_length=2000)]


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


class MinutesView(Struct, frozen=True):
    meeting: str
    title: str
    state: MinutesState
    revision: int
    content: Content
    number: str | None
    """The document number, given on approval: ``01/BB-VP``."""
    submitted_at: str | None
    approved_at: str | None
    approved_by: str | None
    returned_reason: str
    may_edit: bool
    may_submit: bool
    may_approve: bool
    unit_name: str
    parent_name: str
    film_url: str | None


class SaveMinutes(Struct, frozen=True, forbid_unknown_fields=True):
    revision: int
    content: Content


class ReturnMinutes(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
