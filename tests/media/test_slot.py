"""A slot is one unbroken stream, whichever producers feed it: what its browser receives is read packet by packet."""

from __future__ import annotations

from itertools import pairwise

import pytest
from relay_packets import CC_ID, LEVEL_ID, MID_ID, Seen, element, rtp, see, vp8
from relay_wire import PlainWire

from media import clock, rtcp
from media.encoding import Encoding
from media.ortc import ROUTER_CAPABILITIES, Codec, Kind, Sending, Sent, receivable, receiving
from media.producer import Producer
from media.rtp import AUDIO_LEVEL, MID, TRANSPORT_CC, ExtensionIds, Packet
from media.slot import Slot

MS = 1000
FRAME = 66 * MS
EXTENSIONS = {MID: MID_ID, AUDIO_LEVEL: LEVEL_ID, TRANSPORT_CC: CC_ID}


class Sender:
    """A site that sends one stream. ``clock_ahead`` is how wrong its wall clock is, ``delay`` its path to the relay."""

    def __init__(
        self,
        name: str,
        codec: Codec = "VP8",
        *,
        sequence: int = 0,
        stamp: int = 0,
        picture: int = 0,
        clock_ahead: int = 0,
        delay: int = 0,
    ) -> None:
        kind: Kind = "audio" if codec == "opus" else "video"
        sending = Sending(codec, 96, 97, (Sent("", 1234, 1235),), "0", EXTENSIONS, 1)
        self.wire = PlainWire()
        self.key_frames_asked = self.started = 0
        self._clock = clock.SenderClock()
        self.producer = Producer(
            endpoint=name,
            source="microphone" if kind == "audio" else "camera",
            kind=kind,
            sending=sending,
            sender_clock=self._clock,
            watcher=self,
            wire=self.wire,
            ask_key_frame=self._asked,
        )
        (self.encoding,) = self.producer.encodings
        self.stream = self.encoding.stream
        self.sequence, self.stamp, self.picture, self.tl0 = sequence, stamp, picture, picture & 0xFF
        self.clock_ahead, self.delay = clock_ahead, delay
        self._ids = ExtensionIds()
        self._ids.learn(EXTENSIONS)

    def producer_started(self, producer: Producer, *, again: bool) -> None:
        self.started += 1

    def heard(self, producer: Producer, level: int, now: int) -> None:
        pass

    def _asked(self, encoding: Encoding) -> None:
        self.key_frames_asked += 1

    def report(self, now: int) -> None:
        """A sender report, written at ``now``, comes."""
        ntp = ((now + self.clock_ahead + 10**12) << 32) // 1_000_000
        stamp = self.stamp + now * self.stream.clock_rate // 1_000_000
        self.stream.heed_report(ntp, stamp & 0xFFFFFFFF, now + self.delay, self._clock)

    def make(self, now: int, *, key: bool = False, packets: int = 2) -> list[bytes]:
        """One frame (or packet of sound) captured at ``now``."""
        stamp = self.stamp + now * self.stream.clock_rate // 1_000_000
        self.picture += 1
        self.tl0 += 1
        made: list[bytes] = []
        for place in range(1 if self.producer.kind == "audio" else packets):
            self.sequence += 1
            match self.producer.codec:
                case "VP8":
                    payload = vp8(self.picture, self.tl0, key=key, begins=place == 0, body=f"{place}".encode())
                case "H264":
                    payload = (b"\x67" if key and place == 0 else b"\x41") + b"h264"
                case "opus":
                    payload = b"opus"
            made.append(
                rtp(
                    self.sequence,
                    stamp,
                    payload,
                    marker=self.producer.kind == "video" and place == packets - 1,
                    elements=element(LEVEL_ID, b"\x1e"),
                )
            )
        return made

    def deliver(self, datagram: bytes, now: int, *, repair: bool = False, flush: bool = True) -> None:
        """The relay receives one packet; ``flush``: nothing more lies in its socket."""
        packet, buffer = Packet(), bytearray(datagram)
        assert packet.read(buffer, len(buffer), self._ids)
        stream = self.stream
        packet.view, packet.arrival = memoryview(buffer), now + self.delay
        if repair:
            packet.number = stream.accept_repair(packet.sequence, packet.arrival)
        else:
            packet.number = stream.accept(packet.sequence, packet.timestamp, packet.arrival)
        if packet.number >= 0:
            self.encoding.received(packet)
        if flush:
            self.wire.flush(packet.arrival)

    def send(self, now: int, *, key: bool = False, packets: int = 2) -> None:
        for datagram in self.make(now, key=key, packets=packets):
            self.deliver(datagram, now, flush=False)
        self.wire.flush(now)


class Receiver:
    """One slot and what its browser receives, before sealing."""

    lane, tag, name = 0, 0, b"address"
    numbered = False
    handle = None

    def __init__(self, kind: Kind = "video") -> None:
        self.buffer = bytearray(2048)
        self.media: list[Seen] = []
        self.repaired: list[Seen] = []
        self.reports: list[tuple[int, int, int]] = []
        self.shown: list[str | None] = []
        self.granted = 1 << 30
        self.offer = receiving(kind, "s0", "an.stage", receivable(ROUTER_CAPABILITIES))
        self.slot = Slot(
            name="stage-video",
            receiving=self.offer,
            outlet=self,
            outgoing=self.buffer,
            on_shown=lambda: self.shown.append(self.slot.shown),
            spend=self._spend,
        )

    def send_rtp(self, size: int) -> None:
        self.send_sealed(memoryview(self.buffer)[:size])

    def send_sealed(self, datagram: memoryview) -> None:
        seen = see(bytes(datagram))
        (self.media if seen.ssrc == self.offer.ssrc else self.repaired).append(seen)

    def send_rtcp(self, compound: bytes) -> None:
        for kind, _, body in rtcp.walk(compound):
            if kind == rtcp.SENDER_REPORT:
                report = rtcp.sender_report(body)
                assert report is not None
                self.reports.append(report)

    def _spend(self, size: int) -> bool:
        self.granted -= size
        return self.granted >= 0

    def frames(self) -> list[list[Seen]]:
        """The media by picture, in the order of sequence numbers."""
        pictures: dict[int, list[Seen]] = {}
        for seen in sorted(self.media, key=lambda seen: (seen.sequence - self.media[0].sequence) & 0xFFFF):
            pictures.setdefault(seen.timestamp, []).append(seen)
        return list(pictures.values())


def assert_unbroken(media: list[Seen]) -> None:
    sequences = [seen.sequence for seen in media]
    assert all((later - earlier) & 0xFFFF == 1 for earlier, later in pairwise(sequences))
    assert all((later.timestamp - earlier.timestamp) & 0xFFFFFFFF < 1 << 31 for earlier, later in pairwise(media))


@pytest.fixture
def start() -> int:
    return clock.now()


def test_a_picture_begins_at_a_key_frame_which_is_asked_for(start: int) -> None:
    an, receiver = Sender("an"), Receiver()
    an.send(start)
    receiver.slot.show(an.producer)
    an.send(start + FRAME)
    assert (receiver.media, receiver.slot.shown) == ([], None)
    assert an.key_frames_asked
    an.send(start + 2 * FRAME, key=True)
    an.send(start + 3 * FRAME)
    assert receiver.shown == ["an"]
    assert len(receiver.media) == 4
    assert_unbroken(receiver.media)
    assert {seen.ssrc for seen in receiver.media} == {receiver.offer.ssrc}
    assert {seen.elements[1] for seen in receiver.media} == {b"s0"}
    assert [seen.marker for seen in receiver.media] == [False, True, False, True]


def test_who_comes_just_after_a_key_frame_begins_there_and_asks_for_none(start: int) -> None:
    an, receiver = Sender("an"), Receiver()
    an.send(start, key=True)
    an.send(start + FRAME)
    asked = an.key_frames_asked
    receiver.slot.show(an.producer)
    assert (len(receiver.media), receiver.slot.shown, an.key_frames_asked) == (4, "an", asked)
    an.send(start + 2 * FRAME)
    assert_unbroken(receiver.media)


def test_twelve_switches_between_three_sites_are_one_unbroken_stream(start: int) -> None:
    sites = [
        Sender("an", sequence=65_500, stamp=0xFFFF_0000, picture=0x7FF0, clock_ahead=3_600_000 * MS, delay=15 * MS),
        Sender("binh", sequence=9, stamp=77, picture=3, clock_ahead=-5 * MS, delay=140 * MS),
        Sender("chi", sequence=30_000, stamp=0x8000_0000, picture=1000, delay=60 * MS),
    ]
    receiver, now = Receiver(), start
    for site in sites:
        site.report(now)
    for switch in range(13):
        receiver.slot.show(sites[switch % 3].producer)
        for step in range(10):
            now += FRAME
            for site in sites:
                site.send(now, key=step == 2, packets=3)
    assert receiver.slot.switches == 13
    assert_unbroken(receiver.media)
    pictures = [frame[0] for frame in receiver.frames()]
    assert all((later.picture - earlier.picture) & 0x7FFF == 1 for earlier, later in pairwise(pictures))
    assert all((later.tl0 - earlier.tl0) & 0xFF == 1 for earlier, later in pairwise(pictures))
    assert all(900 <= (b.timestamp - a.timestamp) & 0xFFFFFFFF <= 90_000 // 2 for a, b in pairwise(pictures))
    spent = (pictures[-1].timestamp - pictures[0].timestamp) & 0xFFFFFFFF
    assert abs(spent / 90 - (now - start) / MS) < 400
    assert receiver.shown == ["an", "binh", "chi"] * 4 + ["an"]


def test_the_old_picture_goes_on_until_the_new_ones_key_frame(start: int) -> None:
    an, binh, receiver = Sender("an"), Sender("binh"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    binh.send(start)
    receiver.slot.show(binh.producer)
    an.send(start + FRAME)
    binh.send(start + FRAME)
    assert (len(receiver.media), receiver.slot.shown) == (4, "an")
    binh.send(start + 2 * FRAME, key=True)
    an.send(start + 2 * FRAME)
    assert (len(receiver.media), receiver.slot.shown) == (6, "binh")


def test_a_change_of_mind_before_the_key_frame_changes_nothing(start: int) -> None:
    an, binh, receiver = Sender("an"), Sender("binh"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    receiver.slot.show(binh.producer)
    receiver.slot.show(an.producer)
    binh.send(start + FRAME, key=True)
    an.send(start + FRAME)
    assert (len(receiver.media), receiver.shown, binh.encoding.watched) == (4, ["an"], False)


def test_vp8_and_h264_share_a_slot_each_with_its_payload_type(start: int) -> None:
    an, binh, receiver, now = Sender("an", picture=50), Sender("binh", "H264"), Receiver(), start
    for switch in range(4):
        receiver.slot.show((an, binh)[switch % 2].producer)
        for step in range(3):
            now += FRAME
            an.send(now, key=step == 1)
            binh.send(now, key=step == 1)
    assert_unbroken(receiver.media)
    types = [seen.payload_type for seen in receiver.media]
    assert [kind for kind, before in zip(types, [0, *types], strict=False) if kind != before] == [101, 103, 101, 103]
    pictures = [frame[0].picture for frame in receiver.frames() if frame[0].payload_type == 101]
    assert all((later - earlier) & 0x7FFF == 1 for earlier, later in pairwise(pictures))


def test_sound_changes_at_once_and_begins_with_the_marker(start: int) -> None:
    an, binh, receiver, now = Sender("an", "opus"), Sender("binh", "opus", sequence=500), Receiver("audio"), start
    for switch in range(6):
        receiver.slot.show((an, binh)[switch % 2].producer)
        for _ in range(5):
            now += 20 * MS
            an.send(now)
            binh.send(now)
    assert len(receiver.media) == 30
    assert_unbroken(receiver.media)
    assert [place for place, seen in enumerate(receiver.media) if seen.marker] == [0, 5, 10, 15, 20, 25]
    assert {seen.elements[10] for seen in receiver.media} == {b"\x1e"}
    assert receiver.shown == ["an", "binh"] * 3


def test_an_emptied_slot_sends_nothing_and_says_so_at_once(start: int) -> None:
    an, receiver = Sender("an"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    receiver.slot.show(None)
    an.send(start + FRAME)
    assert (len(receiver.media), receiver.shown, an.encoding.watched) == (2, ["an", None], False)


def test_a_closed_producer_empties_the_slot_at_once(start: int) -> None:
    an, binh, receiver = Sender("an"), Sender("binh"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    receiver.slot.show(binh.producer)
    an.producer.close()
    assert receiver.shown == ["an", None]
    binh.send(start + FRAME, key=True)
    assert receiver.shown == ["an", None, "binh"]
    binh.producer.close()
    receiver.slot.show(None)
    assert receiver.shown[-1] is None
    assert_unbroken(receiver.media)


def test_a_nack_is_answered_by_rtx_with_the_very_packet(start: int) -> None:
    an, receiver = Sender("an", sequence=40_000, picture=7), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True, packets=5)
    receiver.slot.repeat([receiver.media[3].sequence, (receiver.media[0].sequence - 9) & 0xFFFF], start)
    (repaired,) = receiver.repaired
    lost = receiver.media[3]
    assert (repaired.payload_type, repaired.ssrc, repaired.timestamp) == (
        102,
        receiver.offer.repair_ssrc,
        lost.timestamp,
    )
    assert int.from_bytes(repaired.payload[:2], "big") == lost.sequence
    assert repaired.payload[2:] == lost.payload
    assert (receiver.slot.repeated, receiver.slot.unknown) == (1, 1)


def test_a_nack_across_a_switch_finds_both_producers(start: int) -> None:
    an, binh, receiver = Sender("an", picture=90), Sender("binh", sequence=7, picture=5), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    receiver.slot.show(binh.producer)
    binh.send(start + FRAME, key=True)
    receiver.slot.repeat([seen.sequence for seen in receiver.media], start + 2 * FRAME)
    assert [int.from_bytes(seen.payload[:2], "big") for seen in receiver.repaired] == [
        s.sequence for s in receiver.media
    ]
    assert [seen.payload[2:] for seen in receiver.repaired] == [seen.payload for seen in receiver.media]
    assert [seen.timestamp for seen in receiver.repaired] == [seen.timestamp for seen in receiver.media]


def test_numbers_from_before_the_last_segments_are_not_mistaken_for_theirs(start: int) -> None:
    sites, receiver, now = (
        [Sender(name, sequence=10) for name in ("an", "binh", "chi", "dung", "em")],
        Receiver(),
        start,
    )
    for site in sites:
        site.send(now, key=False)
        receiver.slot.show(site.producer)
        now += FRAME
        site.send(now, key=True)
    receiver.slot.repeat([receiver.media[0].sequence], now)
    assert (receiver.repaired, receiver.slot.unknown) == ([], 1)


def test_one_packet_is_not_repeated_twice_within_a_round_trip_nor_beyond_what_is_granted(start: int) -> None:
    an, receiver = Sender("an"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True, packets=4)
    wanted = [seen.sequence for seen in receiver.media]
    receiver.slot.repeat(wanted, start)
    receiver.slot.repeat(wanted, start + 20 * MS)
    assert len(receiver.repaired) == 4
    receiver.granted = len(receiver.media[0].payload)
    receiver.slot.repeat(wanted, start + 200 * MS)
    assert len(receiver.repaired) == 5


def test_a_key_frame_whose_first_packet_was_repaired_is_sent_on_in_order(start: int) -> None:
    an, receiver = Sender("an"), Receiver()
    an.send(start)
    receiver.slot.show(an.producer)
    first, second, third = an.make(start + FRAME, key=True, packets=3)
    an.deliver(second, start + FRAME)
    an.deliver(third, start + FRAME)
    assert receiver.media == []
    an.deliver(first, start + FRAME, repair=True)
    assert [seen.payload[-1:] for seen in receiver.media] == [b"0", b"1", b"2"]
    assert_unbroken(receiver.media)


def test_late_packets_keep_their_place_and_those_from_before_the_switch_are_dropped(start: int) -> None:
    an, receiver = Sender("an"), Receiver()
    (before, *_) = an.make(start, packets=1)
    an.send(start)
    receiver.slot.show(an.producer)
    one, two, three = an.make(start + FRAME, key=True, packets=3)
    for datagram in (one, three, before, two):
        an.deliver(datagram, start + FRAME)
    assert [(seen.sequence - receiver.media[0].sequence) & 0xFFFF for seen in receiver.media] == [0, 2, 1]


def test_mere_padding_leaves_no_gap_at_the_receiver(start: int) -> None:
    an, receiver = Sender("an"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    for _ in range(3):
        an.sequence += 1
        an.deliver(rtp(an.sequence, payload=b"", padding=100), start)
    an.send(start + FRAME)
    assert len(receiver.media) == 4
    assert_unbroken(receiver.media)


def test_after_an_outage_the_picture_goes_on_with_a_key_frame_and_without_a_gap(start: int) -> None:
    an, receiver = Sender("an"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    an.sequence += 400
    an.send(start + 30 * FRAME)
    assert len(receiver.media) == 2
    an.send(start + 31 * FRAME, key=True)
    assert len(receiver.media) == 4
    assert_unbroken(receiver.media)


def test_the_muted_are_not_forwarded_and_not_kept_and_go_on_without_a_gap(start: int) -> None:
    an, receiver = Sender("an", "opus"), Receiver("audio")
    receiver.slot.show(an.producer)
    an.send(start)
    an.producer.set_muted(True)
    for step in range(1, 50):
        an.send(start + step * 20 * MS)
    assert len(receiver.media) == 1
    an.producer.set_muted(False)
    assert an.encoding.replay_from(start + MS) == -1
    an.send(start + 50 * 20 * MS)
    assert len(receiver.media) == 2
    assert_unbroken(receiver.media)
    assert receiver.media[1].timestamp - receiver.media[0].timestamp & 0xFFFFFFFF == 48 * 1000


def test_sound_and_picture_of_one_site_stay_together_across_a_switch(start: int) -> None:
    """Both slots are written by the same clock: a sound and a picture captured together carry times that a receiver
    maps, by the sender reports of the slots, to the same moment."""
    sites = [
        (
            Sender("an", delay=20 * MS, clock_ahead=9_000 * MS),
            Sender("an", "opus", delay=20 * MS, clock_ahead=9_000 * MS),
        )
    ]
    sites.append((Sender("binh", stamp=5, delay=150 * MS), Sender("binh", "opus", stamp=900, delay=150 * MS)))
    picture, sound, now = Receiver(), Receiver("audio"), start
    for camera, microphone in sites:
        camera.report(now)
        microphone.report(now)
    for camera, microphone in (*sites, *sites):
        picture.slot.show(camera.producer)
        sound.slot.show(microphone.producer)
        for step in range(6):
            now += 60 * MS
            camera.send(now, key=step == 0, packets=1)
            microphone.send(now)
        seen: list[float] = []
        for receiver, rate in ((picture, 90_000), (sound, 48_000)):
            report = receiver.slot.report(now + 200 * MS)
            assert report is not None
            receiver.send_rtcp(report)
            _, ntp, stamp = receiver.reports[-1]
            behind = (stamp - receiver.media[-1].timestamp + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
            seen.append(ntp / (1 << 32) - behind / rate)
        assert abs(seen[0] - seen[1]) < 0.001


def test_before_the_first_sender_report_time_stamps_follow_the_arrival_and_nothing_is_reported(start: int) -> None:
    an, binh, receiver = Sender("an"), Sender("binh", stamp=5), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    receiver.slot.show(binh.producer)
    binh.send(start + 250 * MS, key=True)
    assert receiver.media[-1].timestamp - receiver.media[0].timestamp & 0xFFFFFFFF == 250 * 90
    assert receiver.slot.report(start + 300 * MS) is None


def test_a_time_stamp_never_goes_back(start: int) -> None:
    an, binh, receiver = Sender("an"), Sender("binh"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    receiver.slot.show(binh.producer)
    binh.send(start - 500 * MS, key=True)
    assert receiver.media[-1].timestamp - receiver.media[0].timestamp & 0xFFFFFFFF == 900


def test_sound_that_closes_before_its_first_packet_empties_the_slot(start: int) -> None:
    an, receiver = Sender("an", "opus"), Receiver("audio")
    receiver.slot.show(an.producer)
    an.producer.close()
    assert receiver.shown == ["an", None]


def test_a_switch_waits_until_the_key_frame_is_whole_and_then_sends_all_of_it(start: int) -> None:
    an, binh, receiver = Sender("an"), Sender("binh"), Receiver()
    receiver.slot.show(an.producer)
    an.send(start, key=True)
    receiver.slot.show(binh.producer)
    binh.send(start)
    asked = binh.key_frames_asked
    one, two, three, four = binh.make(start + FRAME, key=True, packets=4)
    for datagram in (one, two, four):
        binh.deliver(datagram, start + FRAME)
    (after,) = binh.make(start + 2 * FRAME, packets=1)
    binh.deliver(after, start + 2 * FRAME)
    an.send(start + FRAME)
    assert (receiver.slot.shown, len(receiver.media), binh.key_frames_asked) == ("an", 4, asked)
    binh.deliver(three, start + 2 * FRAME, repair=True)
    assert (receiver.slot.shown, len(receiver.media)) == ("binh", 9)
    assert_unbroken(receiver.media)
