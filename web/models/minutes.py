from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from minutes.content import Content, Paragraph, Section

__all__ = [
    "Content",
    "MinutesState",
    "MinutesView",
    "OnRevision",
    "Paragraph",
    "ReturnMinutes",
    "SaveMinutes",
    "Section",
]

MinutesState = Literal["draft", "submitted", "approved"]


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


class OnRevision(Struct, frozen=True, forbid_unknown_fields=True):
    """What a submission or an approval is given for; without a body, whatever is there now."""

    revision: int | None = None
