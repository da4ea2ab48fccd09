"""pymediasoup takes part in a meeting through the real product: a chair, an office and a listener."""

from __future__ import annotations

from pathlib import Path

from hall import meeting
from pysite import site
from visitors import Card, Tone, until

from bench.office import CHAIR, NORTH, SOUTH


async def test_pymediasoup_sends_and_receives_and_its_slots_follow_the_floor(tmp_path: Path) -> None:
    async with (
        meeting(tmp_path) as office,
        site(office.tickets[CHAIR], Tone(440), Card(60)) as chair,
        site(office.tickets[NORTH], Tone(700), Card(200)) as north,
        site(office.tickets[SOUTH]) as south,
    ):
        await chair.does("open_meeting")
        for each in (north, south):
            await until(lambda it=each: it.sees("stage-video", 60), "the chair on the stage")
            await until(lambda it=each: it.hears("stage-audio", 440), "the chair's sound")
        await until(lambda: chair.sees("tile-1", 200), "the office in a tile of the chair")
        assert not north.hears("audio-1", 700), "nobody hears itself"
        # This library says "server" where it sends (RFC 5763 §5 allows it): the relay begins that handshake.
        assert north.roles == {"receive": "client", "send": "server"}
        agreed = south.descriptions + north.descriptions

        await north.does("ask_floor")
        await chair.does("give_floor", site=north.me)
        await until(lambda: south.shows.get("stage-video") == north.me, "the listener is told")
        await until(lambda: south.sees("stage-video", 200), "the office on the stage")
        for each in (chair, south):
            await until(lambda it=each: it.hears("stage-audio", 700), "the office's sound")
        await until(lambda: north.sees("tile-1", 60), "the chair in a tile of the office")

        await chair.does("end_floor")
        await until(lambda: south.sees("stage-video", 60), "the chair on the stage again")
        await until(lambda: not south.hears("stage-audio", 700), "the office is silent")
        assert south.descriptions + north.descriptions == agreed, "a slot changes whom it shows without a negotiation"

        await north.leave()
        await until(lambda: "tile-1" not in chair.shows, "the office has left its tile")
