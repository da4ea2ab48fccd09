"""The recorder's door: plain RTP on a local socket, read as the recorder will read it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

from relay_packets import CC_ID, LEVEL_ID, Seen, element, rtp, see, vp8
from relay_stand import AUDIO_SSRC, CAMERA, MICROPHONE, VIDEO_SSRC, RawBrowser, Stand, browser, standing, until

from media import clock, rtcp
from media import messages as m


def video(sequence: int, *, key: bool = False) -> bytes:
    elements = element(CC_ID, (sequence & 0xFFFF).to_bytes(2, "big"))
    payload = vp8(sequence, key=key, body=bytes(600))
    return rtp(sequence, sequence * 6000, payload, ssrc=VIDEO_SSRC, marker=True, elements=elements)


def audio(sequence: int) -> bytes:
    elements = element(LEVEL_ID, b"\x1e")
    return rtp(sequence, sequence * 960, b"opus", ssrc=AUDIO_SSRC, payload_type=111, elements=elements)


class Recorder:
    """An intake: a bound socket and what came to it, with the time of arrival at the relay."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.media: list[Seen] = []
        self.source: tuple[str, int] | None = None
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)

    def wish(self, source: m.Source, *, replay: bool = False, id: str = "track") -> m.Record:
        return m.Record("m", "an", source, id, "127.0.0.1", self.port, 4242, 120, replay)

    def arrivals(self) -> list[int]:
        return [int.from_bytes(seen.elements[1], "big") for seen in self.media]

    def send(self, compound: bytes) -> None:
        assert self.source is not None
        self.socket.sendto(compound, self.source)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()

    def _readable(self) -> None:
        while True:
            try:
                datagram, self.source = self.socket.recvfrom(2048)
            except OSError:
                return
            self.media.append(see(datagram))


@asynccontextmanager
async def recording() -> AsyncIterator[tuple[Stand, RawBrowser, Recorder]]:
    recorder = Recorder()
    try:
        async with standing() as stand, browser(stand, "an", CAMERA, MICROPHONE) as an:
            yield stand, an, recorder
    finally:
        recorder.close()


def losses(an: RawBrowser) -> int:
    """How many key frames the relay has asked for."""
    assert an.send is not None
    return sum((k, c) == (206, 1) for report in an.send.reports for k, c, _ in rtcp.walk(report))


async def test_packets_come_as_they_were_sent_with_their_arrival_at_the_relay() -> None:
    async with recording() as (stand, an, recorder):
        assert an.send is not None
        stand.ask("record", recorder.wish("microphone"))
        before = clock.now()
        for sequence in range(65_530, 65_545):
            an.send.send(audio(sequence))
        await until(lambda: len(recorder.media) == 15)
        first = recorder.media[0]
        assert (first.ssrc, first.payload_type, first.payload) == (4242, 120, b"opus")
        assert [seen.sequence for seen in recorder.media] == [sequence & 0xFFFF for sequence in range(65_530, 65_545)]
        assert [seen.timestamp for seen in recorder.media] == [sequence * 960 for sequence in range(65_530, 65_545)]
        arrivals = recorder.arrivals()
        assert before <= arrivals[0] <= arrivals[-1] <= clock.now()
        assert arrivals == sorted(arrivals)


async def test_recording_asks_for_a_key_frame_and_so_does_the_recorders_picture_loss() -> None:
    async with recording() as (stand, an, recorder):
        assert an.send is not None
        an.send.send(video(1))
        await until(lambda: stand.desk.routers["m"].inventory().endpoints[0].producers)
        stand.ask("record", recorder.wish("camera"))
        await until(lambda: losses(an) == 1)
        an.send.send(video(2, key=True))
        await until(lambda: recorder.media)
        recorder.send(rtcp.picture_loss(4242))
        await until(lambda: losses(an) >= 2)
        an.send.send(video(3, key=True))
        await until(lambda: len(recorder.media) == 2)
        asked = losses(an)
        stand.ask("ask_key_frame", m.AskKeyFrame("m", "an", "camera"))
        await until(lambda: losses(an) > asked)


async def test_a_replay_begins_with_the_last_key_frame_and_runs_on_into_the_live_packets() -> None:
    async with recording() as (stand, an, recorder):
        assert an.send is not None
        for sequence in range(100):
            an.send.send(video(sequence, key=sequence in (10, 40)))
        producer = stand.desk.routers["m"].endpoints["an"].uplink
        assert producer is not None
        await until(lambda: producer.producers["camera"].packets == 100)
        stand.ask("record", recorder.wish("camera", replay=True))
        for sequence in range(100, 140):
            an.send.send(video(sequence))
        await until(lambda: len(recorder.media) == 100)
        assert [seen.sequence for seen in recorder.media] == list(range(40, 140))
        assert all(earlier <= later for earlier, later in pairwise(recorder.arrivals()))


async def test_a_replay_of_sound_is_what_came_in_the_last_seconds() -> None:
    async with recording() as (stand, an, recorder):
        assert an.send is not None
        for sequence in range(30):
            an.send.send(audio(sequence))
        producer = stand.desk.routers["m"].endpoints["an"].uplink
        assert producer is not None
        await until(lambda: producer.producers["microphone"].packets == 30)
        stand.ask("record", recorder.wish("microphone", replay=True))
        await until(lambda: len(recorder.media) == 30)


async def test_without_replay_nothing_old_is_sent() -> None:
    async with recording() as (stand, an, recorder):
        assert an.send is not None
        an.send.send(video(1, key=True))
        await until(lambda: any(isinstance(n, m.ProducerStarted) for n in stand.notices))
        stand.ask("record", recorder.wish("camera"))
        an.send.send(video(2))
        await until(lambda: recorder.media)
        assert [seen.sequence for seen in recorder.media] == [2]


async def test_the_same_record_again_goes_to_its_new_address_and_the_old_one_is_quiet() -> None:
    async with recording() as (stand, an, recorder):
        assert an.send is not None
        returned = Recorder()
        try:
            stand.ask("record", recorder.wish("camera"))
            an.send.send(video(1, key=True))
            await until(lambda: recorder.media)
            stand.ask("record", recorder.wish("camera"))
            stand.ask("record", returned.wish("camera", replay=True))
            an.send.send(video(2))
            await until(lambda: len(returned.media) == 2)
            assert [seen.sequence for seen in returned.media] == [1, 2]
            assert len(recorder.media) == 1
            assert stand.desk.inventory().routers[0].records == ("track",)
            stand.ask("stop_record", m.StopRecord("m", "track"))
            stand.ask("stop_record", m.StopRecord("m", "track"))
            an.send.send(video(3))
            assert stand.desk.inventory().routers[0].records == ()
        finally:
            returned.close()


async def test_while_the_recorder_is_away_key_frames_are_asked_for_so_that_a_replay_can_begin() -> None:
    async with recording() as (stand, an, recorder):
        assert an.send is not None
        stand.ask("record", recorder.wish("camera"))
        an.send.send(video(1, key=True))
        await until(lambda: recorder.media)
        asked = losses(an)
        gone = Recorder()
        stand.ask("record", gone.wish("camera"))
        gone.close()
        await asyncio.sleep(0.6)
        an.send.send(video(2, key=True))
        sequence = 3

        def asked_again() -> bool:
            nonlocal sequence
            assert an.send is not None
            an.send.send(video(sequence, key=losses(an) < asked + 1))
            sequence += 1
            return losses(an) > asked

        await until(asked_again)


async def test_a_muted_microphone_reaches_no_recorder_and_its_silence_is_no_loss() -> None:
    async with recording() as (stand, an, recorder):
        assert an.send is not None
        stand.ask("record", recorder.wish("microphone"))
        an.send.send(audio(1))
        await until(lambda: recorder.media)
        stand.route("an", muted=("an",))
        for sequence in range(2, 30):
            an.send.send(audio(sequence))
        uplink = stand.desk.routers["m"].endpoints["an"].uplink
        assert uplink is not None
        await until(lambda: uplink.producers["microphone"].encodings[0].stream.received == 29)
        stand.route("an")
        an.send.send(audio(30))
        await until(lambda: len(recorder.media) == 2)
        first, second = recorder.media
        assert second.timestamp - first.timestamp == 29 * 960
        assert second.sequence - first.sequence == 1


async def test_a_producer_that_ends_ends_its_record() -> None:
    async with recording() as (stand, _, recorder):
        stand.ask("record", recorder.wish("camera"))
        stand.ask("record", recorder.wish("microphone", id="other"))
        stand.ask("close_producer", m.CloseProducer("m", "an", "camera"))
        assert stand.desk.inventory().routers[0].records == ("other",)
        stand.ask("close_endpoint", m.CloseEndpoint("m", "an"))
        assert stand.desk.inventory().routers[0].records == ()
