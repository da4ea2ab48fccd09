"""What the server and the recorder say to each other, on the Socket.IO namespace ``/recorder``.

The recorder is the client. Requests go from the server to the recorder, each named by its type in snake_case, and are
idempotent. Media time is seconds since ``StartRecording`` was first carried out, on the machine's monotonic clock.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Source = Literal["microphone", "camera", "screen"]


class StartRecording(Struct, frozen=True):
    """Opens (or, after the recorder's return, takes up again) a recording. Answer: ``{"media_time": float}``."""

    meeting: str
    recording: str


class StartTrack(Struct, frozen=True):
    """A site's track begins (again). Answer: ``TrackIntake``, where the relay is to send it."""

    recording: str
    track: str
    site: str
    source: Source
    kind: Literal["audio", "video"]
    mime_type: str
    clock_rate: int
    channels: int


class TrackIntake(Struct, frozen=True):
    """Where the relay sends a track. ``fresh``: nothing has arrived for it yet, so the relay replays what it kept."""

    address: str
    port: int
    ssrc: int
    payload_type: int
    fresh: bool = True


class EndTrack(Struct, frozen=True):
    """``cause`` *relay*: the sender was torn away, so what is missing until the track's return is a gap."""

    recording: str
    track: str
    cause: Literal["ended", "relay"] = "ended"


class StopRecording(Struct, frozen=True):
    """Closes every track and the journal. Answer: ``{"media_time": float}``, the length of the recording."""

    recording: str


class OpenRecording(Struct, frozen=True):
    recording: str
    tracks: tuple[str, ...]


class Inventory(Struct, frozen=True):
    """The first notice after each connection (event ``inventory``). ``pid`` is for operators."""

    recorder: str
    recordings: tuple[OpenRecording, ...]
    pid: int = 0


class Gap(Struct, frozen=True):
    """Media missing in a track, in media time, measured from the files' own time stamps (event ``gap``).

    Acknowledged by the server; told again after the recorder's return until it was.
    """

    meeting: str
    recording: str
    track: str
    start: float
    seconds: float
    cause: Literal["recorder", "relay", "disk"]
