"""What the recordings ask of their neighbours; ``server.py`` decides who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from media.messages import AskKeyFrame, Record, StopRecord
from meetings.events import RecordingGap
from recordings.messages import EndTrack, StartRecording, StartTrack, StopRecording, TrackIntake

OnGap = Callable[[str, RecordingGap], Awaitable[None]]
"""Takes a meeting and the fact that media is missing."""


class Relay(Protocol):
    """The relay that carries the meeting. Raises a ``MeetingError`` when it does not answer."""

    async def record(self, wish: Record) -> None: ...

    async def stop_record(self, wish: StopRecord) -> None: ...

    async def ask_key_frame(self, wish: AskKeyFrame) -> None: ...


class Recorder(Protocol):
    """The recorder process. Each request raises ``Unavailable`` when it does not answer."""

    @property
    def available(self) -> bool: ...

    async def start_recording(self, wish: StartRecording) -> float:
        """Media time now, in seconds."""
        ...

    async def start_track(self, wish: StartTrack) -> TrackIntake: ...

    async def end_track(self, wish: EndTrack) -> None: ...

    async def stop_recording(self, wish: StopRecording) -> float:
        """The length of the recording, in seconds."""
        ...
