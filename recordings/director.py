"""Directs the recorder from the server: what is to be kept, and from which relay it comes.

The director remembers the wish and carries it out whenever recorder and relay are there. Every request may be repeated,
so after any return the whole wish is simply carried out again (``docs/record.md``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, field

from media.messages import AskKeyFrame, ProducerInventory, Record, StopRecord
from meetings.errors import MeetingError
from meetings.events import RecordingGap
from recordings.messages import EndTrack, Gap, Inventory, StartRecording, StartTrack, StopRecording
from recordings.ports import OnGap, Recorder, Relay

log = logging.getLogger("nghisu.recordings")


@dataclass
class _Track:
    id: str
    site: str
    endpoint: str
    producer: ProducerInventory


@dataclass
class _Take:
    """One recording that is wished for now."""

    meeting: str
    recording: str
    tracks: dict[str, _Track] = field(default_factory=dict[str, _Track])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Director:
    """What ``signaling.ports.Recorder`` asks for. Absence of the recorder is no error: it is mended on its return."""

    def __init__(self, recorder: Recorder, relay: Relay, on_gap: OnGap) -> None:
        self._recorder, self._relay, self._on_gap = recorder, relay, on_gap
        self._takes: dict[str, _Take] = {}
        self._unstopped: set[str] = set()

    @property
    def available(self) -> bool:
        """Whether a recorder is connected now."""
        return self._recorder.available

    async def start(self, meeting: str, recording: str) -> None:
        take = self._takes.setdefault(recording, _Take(meeting, recording))
        async with take.turn:
            await self._try(self._recorder.start_recording(StartRecording(meeting, recording)))

    async def stop(self, meeting: str, recording: str) -> None:
        take = self._takes.pop(recording, None) or _Take(meeting, recording)
        async with take.turn:
            await self._stop(recording)
            await asyncio.gather(*(self._stop_sending(take, track) for track in take.tracks.values()))

    async def track_available(
        self, meeting: str, recording: str, site: str, endpoint: str, producer: ProducerInventory
    ) -> None:
        take = self._takes.setdefault(recording, _Take(meeting, recording))
        async with take.turn:
            track = _Track(f"{site}.{producer.source}", site, endpoint, producer)
            before = take.tracks.get(track.id)
            if before and (before.endpoint, before.producer) != (endpoint, producer):
                await self._end(take, before)
            take.tracks[track.id] = track
            await self._keep(take, track)

    async def track_gone(self, meeting: str, recording: str, site: str, endpoint: str, source: str) -> None:
        take = self._takes.get(recording)
        if take is None:
            return
        async with take.turn:
            track = take.tracks.get(f"{site}.{source}")
            if track and track.endpoint == endpoint:
                del take.tracks[track.id]
                await self._end(take, track)

    async def recorder_returned(self, inventory: Inventory) -> None:
        """Carries out the whole wish again; what the recorder still keeps goes on unharmed."""
        kept = {open_.recording for open_ in inventory.recordings}
        late = self._unstopped & kept
        self._unstopped = set()
        await asyncio.gather(
            *(self._resume(take) for take in list(self._takes.values())), *(self._stop(recording) for recording in late)
        )

    async def recorder_away(self) -> None:
        """Asks for key frames now, so that the replay on the recorder's return begins near the loss (ADR 0005)."""
        wishes = [
            AskKeyFrame(take.meeting, track.endpoint, track.producer.source)
            for take in self._takes.values()
            for track in take.tracks.values()
            if track.producer.kind == "video"
        ]
        await asyncio.gather(*(self._try(self._relay.ask_key_frame(wish)) for wish in wishes))

    async def relay_lost(self, lost: Mapping[str, Collection[str]]) -> None:
        """Meeting → endpoints whose streams were torn with their relay; ``track_available`` follows for each site."""
        for take in [take for take in self._takes.values() if take.meeting in lost]:
            async with take.turn:
                torn = [track for track in take.tracks.values() if track.endpoint in lost[take.meeting]]
                for track in torn:
                    del take.tracks[track.id]
                ends = [EndTrack(take.recording, track.id, "relay") for track in torn]
                await asyncio.gather(*(self._try(self._recorder.end_track(end)) for end in ends))

    async def media_missing(self, gap: Gap) -> None:
        await self._on_gap(gap.meeting, RecordingGap(gap.recording, gap.track, gap.start, gap.seconds, gap.cause))

    async def _stop(self, recording: str) -> None:
        if not await self._try(self._recorder.stop_recording(StopRecording(recording))):
            self._unstopped.add(recording)

    async def _resume(self, take: _Take) -> None:
        async with take.turn:
            if await self._try(self._recorder.start_recording(StartRecording(take.meeting, take.recording))):
                await asyncio.gather(*(self._keep(take, track) for track in take.tracks.values()))

    async def _keep(self, take: _Take, track: _Track) -> None:
        """The recorder says where, the relay sends there; a fresh intake gets what the relay kept before."""
        made = track.producer
        wish = StartTrack(
            take.recording, track.id, track.site, made.source, made.kind, made.mime_type, made.clock_rate, made.channels
        )
        try:
            intake = await self._recorder.start_track(wish)
            await self._relay.record(
                Record(
                    router=take.meeting,
                    endpoint=track.endpoint,
                    source=made.source,
                    record_id=_record_id(take, track),
                    address=intake.address,
                    port=intake.port,
                    ssrc=intake.ssrc,
                    payload_type=intake.payload_type,
                    replay=intake.fresh,
                )
            )
        except MeetingError as error:
            log.warning("track %s of recording %s is not kept now: %s", track.id, take.recording, error.code)

    async def _end(self, take: _Take, track: _Track) -> None:
        await self._stop_sending(take, track)
        await self._try(self._recorder.end_track(EndTrack(take.recording, track.id)))

    async def _stop_sending(self, take: _Take, track: _Track) -> None:
        await self._try(self._relay.stop_record(StopRecord(take.meeting, _record_id(take, track))))

    async def _try(self, request: Awaitable[object]) -> bool:
        try:
            await request
        except MeetingError as error:
            log.warning("not carried out now: %s", error.code)
            return False
        return True


def _record_id(take: _Take, track: _Track) -> str:
    return f"{take.recording}.{track.id}"
