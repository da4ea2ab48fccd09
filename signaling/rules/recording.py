"""The chair decides whether the meeting is recorded (Decision 45/2018/QĐ-TTg)."""

from __future__ import annotations

from collections.abc import Iterator

from meetings.access import require
from meetings.events import AnyEvent, RecordingStarted, RecordingStopped
from meetings.facts import Site
from signaling.protocol import StartRecording, StopRecording
from signaling.room import Room
from signaling.rules.agenda import opened


def start(room: Room, me: Site, _: StartRecording) -> Iterator[AnyEvent]:
    """A recording is named by the meeting and the number of the event that begins it."""
    require(me.role, "record")
    opened(room)
    if room.recording is None:
        yield RecordingStarted(recording=f"{room.facts.meeting}-{room.seq + 1}", by=me.id)


def stop(room: Room, me: Site, _: StopRecording) -> Iterator[AnyEvent]:
    require(me.role, "record")
    if room.recording is not None:
        yield RecordingStopped(recording=room.recording.id, by=me.id)
