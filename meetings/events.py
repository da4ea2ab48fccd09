"""What has happened in a meeting, in the past tense. Kept in order, these are the meeting (``house.md``).

Every event is frozen and named by its ``kind``; ``Entry`` adds its place and time in the log. ``by`` and ``site``
are site ids of the meeting's ``Facts``; ``by`` is ``"system"`` where nobody acted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from meetings.facts import Facts

SYSTEM = "system"


class Event(Struct, frozen=True, tag_field="kind", tag=str):
    """Anything that happened."""


class MeetingPrepared(Event, frozen=True, tag="meeting_prepared"):
    """The facts that hold from now on: at the first entry, and again whenever the convened meeting changed."""

    facts: Facts


class SiteAsked(Event, frozen=True, tag="site_asked"):
    """A site waits in the lobby."""

    site: str


class SiteAdmitted(Event, frozen=True, tag="site_admitted"):
    site: str
    by: str


class SiteRefused(Event, frozen=True, tag="site_refused"):
    site: str
    by: str


class SiteJoined(Event, frozen=True, tag="site_joined"):
    """A site took its seat. ``person`` is who speaks for it today, as written on the join page."""

    site: str
    person: str
    people: int
    listen_only: bool


class NoticeAcknowledged(Event, frozen=True, tag="notice_acknowledged"):
    """The site was told that the meeting is recorded and said so (Law 91/2025: people are informed)."""

    site: str
    person: str


class SiteLeft(Event, frozen=True, tag="site_left"):
    """``left`` by its own act, ``lost`` after the grace of 90 s, ``adjourned`` with everybody."""

    site: str
    reason: Literal["left", "lost", "adjourned"]


class WatchingStarted(Event, frozen=True, tag="watching_started"):
    """A player shows the stage to whoever holds the site's ticket. It takes no seat: nobody is present by it."""

    site: str


class WatchingEnded(Event, frozen=True, tag="watching_ended"):
    site: str


class MeetingOpened(Event, frozen=True, tag="meeting_opened"):
    by: str


class ItemStarted(Event, frozen=True, tag="item_started"):
    item: str
    by: str


class ItemEnded(Event, frozen=True, tag="item_ended"):
    item: str
    by: str


class FloorAsked(Event, frozen=True, tag="floor_asked"):
    site: str


class FloorWithdrawn(Event, frozen=True, tag="floor_withdrawn"):
    site: str
    by: str


class FloorMoved(Event, frozen=True, tag="floor_moved"):
    """The chair moved a waiting site to ``position`` (0 is next)."""

    site: str
    position: int
    by: str


class FloorGiven(Event, frozen=True, tag="floor_given"):
    """``seconds`` is the allotted time (Decision 45, Art. 14)."""

    site: str
    seconds: int
    by: str


class FloorEnded(Event, frozen=True, tag="floor_ended"):
    site: str
    by: str
    reason: Literal["yielded", "ended", "next", "left", "adjourned"]


class SiteMuted(Event, frozen=True, tag="site_muted"):
    """From here on the relay forwards no sound of the site."""

    site: str
    by: str


class SiteUnmuted(Event, frozen=True, tag="site_unmuted"):
    site: str
    by: str


class ShareStarted(Event, frozen=True, tag="share_started"):
    site: str


class ShareEnded(Event, frozen=True, tag="share_ended"):
    site: str
    by: str


class RecordingStarted(Event, frozen=True, tag="recording_started"):
    recording: str
    by: str


class RecordingGap(Event, frozen=True, tag="recording_gap"):
    """Media that is missing from the recording, measured from the files' own time stamps.

    ``start`` and ``seconds`` are media time of the recording; ``track`` names the file's track.
    """

    recording: str
    track: str
    start: float
    seconds: float
    cause: Literal["recorder", "relay", "disk"]


class RecordingStopped(Event, frozen=True, tag="recording_stopped"):
    recording: str
    by: str


class ConclusionRecorded(Event, frozen=True, tag="conclusion_recorded"):
    """What the chair ruled: the task, who leads, who co-ordinates, by when (Decision 45, Art. 14).

    A later event with the same ``conclusion`` replaces the earlier text. ``deadline`` is an ISO date or ``None``.
    """

    conclusion: str
    item: str | None
    task: str
    lead: str
    cooperating: str
    deadline: str | None
    by: str


class ConclusionWithdrawn(Event, frozen=True, tag="conclusion_withdrawn"):
    conclusion: str
    by: str


class MarkSet(Event, frozen=True, tag="mark_set"):
    """The secretary marked this moment."""

    mark: str
    note: str
    by: str


class MarkRemoved(Event, frozen=True, tag="mark_removed"):
    mark: str
    by: str


class MeetingAdjourned(Event, frozen=True, tag="meeting_adjourned"):
    by: str


AnyEvent = (
    MeetingPrepared | SiteAsked | SiteAdmitted | SiteRefused | SiteJoined | NoticeAcknowledged | SiteLeft
    | WatchingStarted | WatchingEnded
    | MeetingOpened | ItemStarted | ItemEnded | FloorAsked | FloorWithdrawn | FloorMoved | FloorGiven | FloorEnded
    | SiteMuted | SiteUnmuted | ShareStarted | ShareEnded | RecordingStarted | RecordingGap | RecordingStopped
    | ConclusionRecorded | ConclusionWithdrawn | MarkSet | MarkRemoved | MeetingAdjourned
)  # fmt: skip


class Entry(Struct, frozen=True):
    """One row of the log: ``seq`` counts from 1 without gaps, ``at`` is UTC."""

    seq: int
    at: datetime
    event: AnyEvent


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """The event as canonical JSON: keys sorted, no spaces; the hash chain rests on these bytes."""
    return _encoder.encode(event)


def decode(data: bytes) -> AnyEvent:
    """Raises ``msgspec.ValidationError`` when the bytes are no event."""
    return _decoder.decode(data)
