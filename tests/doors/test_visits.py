"""Encoders and players at a live meeting: aiortc's peer connection knows nothing of ours but the ticket."""

from __future__ import annotations

import pytest
from gathering import Gathering
from visitors import hears, sees, until

from bench.office import CHAIR, NORTH, SOUTH


async def test_an_encoder_is_on_the_stage_and_a_player_sees_and_hears_it(gathering: Gathering) -> None:
    chair = await gathering.sending(CHAIR, brightness=200, hertz=440)
    viewer = await gathering.watching(NORTH)
    await until(lambda: sees(viewer, 200) and hears(viewer, 440), "picture and sound of the chair's encoder")
    assert chair.headers["Content-Type"] == "application/sdp"
    assert chair.address.startswith("/whip/")
    assert chair.headers["ETag"].strip('"')
    for visitor in (chair, viewer):
        assert visitor.headers["Link"].startswith('<turn:127.0.0.1:3478?transport=udp>; rel="ice-server"; username="')


async def test_a_room_with_encoder_and_player_hears_the_others_and_never_itself(gathering: Gathering) -> None:
    await gathering.sending(CHAIR, brightness=60, hertz=440)
    await gathering.sending(NORTH, brightness=220, hertz=700)
    room = await gathering.watching(NORTH, sounds=3)
    other = await gathering.watching(SOUTH, sounds=3)
    await until(lambda: sees(room, 60) and hears(room, 440), "the chair in the room of the north")
    await until(lambda: hears(other, 440) and hears(other, 700), "chair and north in the south")
    assert not hears(room, 700)


async def test_the_chair_mutes_an_encoder_and_gives_it_the_floor(gathering: Gathering) -> None:
    chair = await gathering.browser(CHAIR)
    await gathering.sending(NORTH, brightness=220, hertz=700)
    viewer = await gathering.watching(SOUTH, sounds=3)
    await until(lambda: hears(viewer, 700), "the open microphone of the north")
    north = (await gathering.sites(chair))[NORTH.unit]
    assert (north["presence"], north["devices"]) == (
        "seated",
        {"microphone": True, "camera": True, "consents_to_open": True},
    )
    assert "ok" in await chair.act("open_meeting")
    assert "ok" in await chair.act("mute", site=north["id"])
    await until(lambda: not hears(viewer, 700), "silence of the muted encoder")
    assert "ok" in await chair.act("give_floor", site=north["id"])
    await until(lambda: sees(viewer, 220) and hears(viewer, 700), "the north on the stage")


async def test_a_second_entry_of_a_site_replaces_the_first_by_whichever_door(gathering: Gathering) -> None:
    chair = await gathering.browser(CHAIR)
    first = await gathering.sending(NORTH)
    second = await gathering.sending(NORTH, brightness=120)
    await until(lambda: first.peer.connectionState != "connected", "the end of the first encoder's media")
    await first.delete()
    assert (first.status, first.code) == (404, "visit_unknown")
    browser = await gathering.browser(NORTH)
    await second.delete()
    assert second.status == 404
    await gathering.roster(chair, NORTH, lambda site: site["presence"] == "seated")
    await gathering.sending(NORTH)
    assert (await browser.until("turned_away"))["reason"] == "replaced"


async def test_a_player_takes_no_seat_and_the_log_says_that_it_watched(gathering: Gathering) -> None:
    chair = await gathering.browser(CHAIR)
    viewer = await gathering.watching(SOUTH)
    await gathering.roster(chair, SOUTH, lambda site: site["watching"] and site["presence"] == "absent")
    second = await gathering.watching(SOUTH)
    await until(lambda: viewer.peer.connectionState != "connected", "the end of the first player's media")
    await second.delete()
    assert second.status == 200
    await gathering.roster(chair, SOUTH, lambda site: not site["watching"])
    kinds = [line["kind"] for line in (await chair.call("resync"))["ok"]["timeline"]]
    assert kinds == ["site_joined", "watching_started", "watching_ended"]


async def test_an_encoder_that_says_goodbye_leaves_and_one_that_breaks_off_is_awaited(gathering: Gathering) -> None:
    chair = await gathering.browser(CHAIR)
    north, south = await gathering.sending(NORTH), await gathering.sending(SOUTH)
    await north.delete()
    assert north.status == 200
    await gathering.roster(chair, NORTH, lambda site: site["presence"] == "absent")
    await south.peer.close()
    await gathering.roster(chair, SOUTH, lambda site: site["presence"] == "away")
    lines = (await chair.call("resync"))["ok"]["timeline"]
    assert [line["detail"] for line in lines if line["kind"] == "site_left"] == ["left"]
    again = await gathering.sending(SOUTH)
    await gathering.roster(chair, SOUTH, lambda site: site["presence"] == "seated")
    assert again.address != south.address


@pytest.mark.parametrize("gathering", [{"lobby": True}], indirect=True)
async def test_an_encoder_waits_in_the_lobby_until_the_chair_admits_it(gathering: Gathering) -> None:
    chair = await gathering.browser(CHAIR)
    encoder, viewer = gathering.encoder(NORTH), gathering.player(NORTH)
    await encoder.post()
    assert (encoder.status, encoder.code, encoder.headers["Retry-After"]) == (409, "waiting_in_lobby", "5")
    await viewer.post()
    assert (viewer.status, viewer.code) == (409, "waiting_in_lobby")
    await gathering.roster(chair, NORTH, lambda site: site["presence"] == "waiting")
    north = (await gathering.sites(chair))[NORTH.unit]["id"]
    assert "ok" in await chair.act("admit", site=north)
    await gathering.sending(NORTH)
    await gathering.roster(chair, NORTH, lambda site: site["presence"] == "seated")
    south = (await gathering.sites(chair))[SOUTH.unit]["id"]
    assert "ok" in await chair.act("refuse", site=south)
    for refused in (gathering.encoder(SOUTH), gathering.player(SOUTH)):
        await refused.post()
        assert (refused.status, refused.code) == (403, "refused_entry")


async def test_adjournment_ends_every_visit(gathering: Gathering) -> None:
    chair = await gathering.browser(CHAIR)
    encoder, viewer = await gathering.sending(NORTH), await gathering.watching(SOUTH)
    assert "ok" in await chair.act("open_meeting")
    assert "ok" in await chair.act("adjourn")
    for visitor in (encoder, viewer):
        await until(lambda v=visitor: v.peer.connectionState != "connected", "the end of the media")
        await visitor.delete()
        assert visitor.status == 404
    late = gathering.player(SOUTH)
    await late.post()
    assert (late.status, late.code) == (409, "meeting_adjourned")
    told = [message for posted in chair.letters for message in posted["messages"]]
    log = [line["kind"] for each in told if each["kind"] == "timeline_grew" for line in each["entries"]]
    assert log[-4:] == ["meeting_adjourned", "site_left", "site_left", "watching_ended"]
