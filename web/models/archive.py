from __future__ import annotations

from typing import Literal

from msgspec import Struct

RecordingState = Literal["none", "recording", "composing", "ready", "failed"]


class Chapter(Struct, frozen=True):
    """Where an agenda item begins, in seconds of the film."""

    number: int | None
    title: str
    start: float
    end: float


class GapView(Struct, frozen=True):
    """Media missing from the film, in its seconds."""

    site_name: str
    start: float
    seconds: float


class Film(Struct, frozen=True):
    """``progress`` is the composed share, 0 to 1, measured. ``url`` is the MP4, served with ranges."""

    recording: str
    state: RecordingState
    progress: float
    seconds: float
    started_at: str
    url: str | None
    bytes: int
    sha256: str
    chapters: tuple[Chapter, ...]
    gaps: tuple[GapView, ...]


class ArchiveSummary(Struct, frozen=True):
    meeting: str
    title: str
    unit_name: str
    opened_at: str
    seconds: float
    sites: int
    state: RecordingState
    minutes_state: Literal["none", "draft", "submitted", "approved"]


class MomentView(Struct, frozen=True):
    """One event as the archive's time line shows it. ``film`` is seconds of the film, ``None`` outside it."""

    seq: int
    at: str
    film: float | None
    kind: str
    site_name: str | None
    detail: str | None


class PresenceView(Struct, frozen=True):
    """When a site was present: pairs of moments."""

    site_name: str
    person: str
    people: int
    spans: tuple[tuple[str, str], ...]


class Integrity(Struct, frozen=True):
    """The last check of chain and files. ``broken`` names what does not hold."""

    checked_at: str
    whole: bool
    broken: tuple[str, ...]


class ArchiveDetail(Struct, frozen=True):
    meeting: str
    title: str
    unit_name: str
    chair: str
    opened_at: str
    adjourned_at: str | None
    film: Film | None
    moments: tuple[MomentView, ...]
    presence: tuple[PresenceView, ...]
    minutes_state: Literal["none", "draft", "submitted", "approved"]
    integrity: Integrity | None
    may_write_minutes: bool
    films: tuple[Film, ...] = ()
    """Every recording of the meeting, oldest first; ``film`` is the one that the moments' seconds belong to."""
