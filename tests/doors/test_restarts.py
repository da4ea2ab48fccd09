"""The server or the relays die: an encoder keeps its seat as far as its media live, and what is dead is let go."""

from __future__ import annotations

import asyncio
import os
import signal

from gathering import Gathering
from visitors import Client, hears, sees, until

from bench.office import CHAIR, NORTH, SOUTH


async def vanish(client: Client) -> None:
    """Nothing more is sent, and no goodbye: the cable is out."""
    connection = client.peer.getSenders()[0].transport.transport._connection
    await connection.close()


async def test_a_restarted_server_finds_encoders_and_players_again(gathering: Gathering) -> None:
    product = gathering.product
    await gathering.browser(CHAIR)
    north, south = await gathering.sending(NORTH, hertz=700), await gathering.sending(SOUTH)
    viewer = await gathering.watching(CHAIR, sounds=3)
    await until(lambda: hears(viewer, 700), "the north")
    await vanish(south)
    await asyncio.to_thread(product.kill, "serve")
    await asyncio.to_thread(product.wait_ready)
    chair = await gathering.browser(CHAIR)
    await gathering.roster(chair, NORTH, lambda site: site["presence"] == "seated")
    await gathering.roster(chair, CHAIR, lambda site: site["watching"])
    await until(lambda: hears(viewer, 700), "the north goes on to be heard")
    heard = viewer.tracks[1].frames
    await until(lambda: viewer.tracks[1].frames > heard + 20, "sound that goes on")
    await gathering.roster(chair, SOUTH, lambda site: site["presence"] == "away")
    assert (await gathering.sites(chair))[NORTH.unit]["presence"] == "seated"
    for visitor in (viewer, north):
        await visitor.delete()
        assert visitor.status == 200
    await gathering.roster(chair, CHAIR, lambda site: not site["watching"])
    await gathering.roster(chair, NORTH, lambda site: site["presence"] == "absent")
    lines = (await chair.call("resync"))["ok"]["timeline"]
    assert [line["kind"] for line in lines if line["kind"].startswith("watching")] == [
        "watching_started",
        "watching_ended",
    ]


async def test_visits_end_with_their_relay_and_may_come_again_at_once(gathering: Gathering) -> None:
    product = gathering.product
    chair = await gathering.browser(CHAIR)
    north, viewer = await gathering.sending(NORTH), await gathering.watching(SOUTH)
    await gathering.roster(chair, SOUTH, lambda site: site["watching"])
    for pid in [pid for pid in product.children() if b"\0relay\0" in open_arguments(pid)]:
        os.kill(pid, signal.SIGKILL)
    await gathering.roster(chair, NORTH, lambda site: site["presence"] == "away")
    await gathering.roster(chair, SOUTH, lambda site: not site["watching"])
    for visitor in (north, viewer):
        await visitor.delete()
        assert (visitor.status, visitor.code) == (404, "visit_unknown")
    await asyncio.to_thread(product.wait_ready)
    await gathering.sending(NORTH, brightness=40)
    again = await gathering.watching(SOUTH)
    await gathering.roster(chair, NORTH, lambda site: site["presence"] == "seated")
    assert "ok" in await chair.act("open_meeting")
    north_id = (await gathering.sites(chair))[NORTH.unit]["id"]
    assert "ok" in await chair.act("give_floor", site=north_id)
    await until(lambda: sees(again, 40), "the north on the stage")


def open_arguments(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as arguments:
        return arguments.read()
