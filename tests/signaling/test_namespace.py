"""What a browser meets at the socket, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from signaling_live import Browser, Stage, serve, ticket


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with serve(tmp_path) as stage:
        yield stage


async def test_a_ticket_opens_the_door_and_the_room_is_told_as_it_is(stage: Stage) -> None:
    browser = await stage.browser("north")
    answer = (await browser.enter(person="Lê Văn Bình", people=4, acknowledged=True))["ok"]
    assert answer["waiting"] is False
    assert answer["media"] is None, "no relay is there"
    snapshot = answer["snapshot"]
    assert snapshot["me"] == "north"
    assert snapshot["sites"]["north"]["person"] == "Lê Văn Bình"
    assert snapshot["sites"]["north"]["presence"] == "seated"
    assert [item["item"]["title"] for item in snapshot["agenda"]] == ["Nội dung 1", "Nội dung 2"]
    assert snapshot["timeline"] == [], "the time line is for officers"


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ({"ticket": "rubbish"}, "ticket_unknown"),
        ({"ticket": ticket("north", lasts=timedelta(seconds=-1))}, "ticket_expired"),
        ({"ticket": ticket("north", serial=9)}, "ticket_unknown"),
        ({"ticket": ticket("nobody")}, "ticket_unknown"),
        ({"ticket": 7}, "ticket_unknown"),
        ({}, "ticket_unknown"),
        (None, "ticket_unknown"),
    ],
)
async def test_a_bad_ticket_is_refused_with_its_code(stage: Stage, auth: object, code: str) -> None:
    browser = Browser(stage.url)
    stage.browsers.append(browser)
    await browser.connect(auth)
    assert browser.refused["code"] == code


async def test_an_act_reaches_everybody_in_the_order_of_the_log(stage: Stage) -> None:
    chair, north, south = [await stage.seated(site) for site in ("chair", "north", "south")]
    assert await chair.act("open_meeting") == {"ok": {}}
    await asyncio.gather(north.act("ask_floor"), south.act("ask_floor"))
    await chair.act("give_floor", site="south")
    assert (await south.until("invited_to_speak"))["seconds"] == 300
    async with asyncio.timeout(60):
        while not any(
            m["kind"] == "floor_changed" and m["floor"]["turn"] for p in north.letters for m in p["messages"]
        ):
            await asyncio.sleep(0.01)
    numbered = [(p["after"], p["seq"]) for p in north.letters if p["seq"] is not None]
    assert all(after == before for (_, before), (after, _) in pairwise(numbered))
    fresh = (await north.call("resync"))["ok"]
    assert fresh["floor"]["turn"]["site"] == "south"
    assert [hand["site"] for hand in fresh["floor"]["queue"]] == ["north"]


@pytest.mark.parametrize(
    ("who", "act", "code"),
    [
        ("north", {"act": "open_meeting"}, "not_allowed"),
        ("north", {"act": "ask_floor"}, "not_open"),
        ("chair", {"act": "give_floor", "site": "north"}, "not_open"),
        ("chair", {"act": "start_item", "item": "a1"}, "not_open"),
        ("chair", {"act": "mute", "site": "nobody"}, "site_unknown"),
        ("guest", {"act": "start_share"}, "not_allowed"),
        ("chair", {"act": "dance"}, "invalid"),
        ("chair", {"act": "mute"}, "invalid"),
        ("chair", {"act": "mute", "site": "x" * 65}, "invalid"),
        ("chair", {"act": "mute", "site": "north", "force": True}, "invalid"),
        ("chair", {"act": "conclude", "task": ""}, "invalid"),
        ("chair", {"act": "conclude", "task": "x" * 5000}, "invalid"),
        ("chair", [], "invalid"),
        ("chair", None, "invalid"),
        ("chair", "mute", "invalid"),
    ],
)
async def test_a_bad_act_is_refused_and_changes_nothing(stage: Stage, who: str, act: object, code: str) -> None:
    browser = await stage.seated(who)
    before = await stage.log()
    answer = await browser.call("act", act)
    assert answer["error"]["code"] == code
    assert await stage.log() == before


async def test_a_newcomer_is_told_to_the_others_once_and_as_it_is(stage: Stage) -> None:
    chair = await stage.seated("chair")
    await stage.seated("north", person="Lê Văn Bình", devices={"microphone": True, "camera": True})
    await chair.act("start_share")
    await chair.until("share_changed")
    told = [told["sites"]["north"] for told in chair.heard("sites_changed") if "north" in told["sites"]]
    assert [(site["presence"], site["person"], site["devices"]["camera"]) for site in told] == [
        ("seated", "Lê Văn Bình", True)
    ]
    fresh = (await chair.call("resync"))["ok"]["sites"]["north"]
    assert fresh == told[0], "who comes later is told the same"


async def test_acts_before_entering_are_refused(stage: Stage) -> None:
    browser = await stage.browser("chair")
    assert (await browser.act("open_meeting"))["error"]["code"] == "not_entered"
    assert (await browser.call("connect_media", {}))["error"]["code"] == "not_entered"
    assert (await browser.call("resync"))["error"]["code"] == "not_entered"


async def test_media_without_a_relay_is_said_to_be_unavailable(stage: Stage) -> None:
    browser = await stage.seated("north")
    assert (await browser.call("connect_media", {}))["error"]["code"] == "media_unavailable"


async def test_a_second_device_takes_the_seat_over_and_the_first_is_told(stage: Stage) -> None:
    first = await stage.seated("north")
    second = await stage.seated("north")
    assert (await first.until("turned_away"))["reason"] == "replaced"
    async with asyncio.timeout(60):
        while first.client.connected:
            await asyncio.sleep(0.01)
    assert (await second.call("resync"))["ok"]["sites"]["north"]["presence"] == "seated"


async def test_a_socket_that_closes_while_it_enters_leaves_nobody_in_the_seat(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chair = await stage.seated("chair")
    room = await stage.hall.room("m")
    asked, closed, write = asyncio.Event(), asyncio.Event(), room.ledger.submit

    async def slowly(rule: Any) -> Any:
        asked.set()
        await closed.wait()
        return await write(rule)

    monkeypatch.setattr(room.ledger, "submit", slowly)
    north = await stage.browser("north")
    entering = asyncio.create_task(north.enter())
    await asked.wait()
    entering.cancel()
    await north.close()
    async with asyncio.timeout(60):
        while len(stage.hall.post._callers) > 1:
            await asyncio.sleep(0.01)
    closed.set()
    async with asyncio.timeout(60):
        while (await chair.call("resync"))["ok"]["sites"]["north"]["presence"] != "away":
            await asyncio.sleep(0.01)
    assert set(room.presence.connections) == {"chair"}
    assert "incident" not in caplog.text


async def test_a_short_disconnect_is_seen_as_away_and_is_no_event(stage: Stage) -> None:
    chair, north = await stage.seated("chair"), await stage.seated("north")
    before = await stage.log()
    await north.close()
    async with asyncio.timeout(60):
        while (await chair.call("resync"))["ok"]["sites"]["north"]["presence"] != "away":
            await asyncio.sleep(0.02)
    assert await stage.log() == before
    again = await stage.seated("north", resume=True)
    assert (await again.call("resync"))["ok"]["sites"]["north"]["presence"] == "seated"
    assert await stage.log() == before


async def test_devices_and_quality_are_seen_by_others(stage: Stage) -> None:
    chair, north = await stage.seated("chair"), await stage.seated("north")
    await north.call("devices", {"microphone": True, "camera": True})
    await north.call("quality", {"quality": "poor"})
    seen = (await chair.call("resync"))["ok"]["sites"]["north"]
    assert seen["devices"] == {"microphone": True, "camera": True, "consents_to_open": False}
    assert seen["quality"] == "poor"


async def test_the_lobby_lets_in_whom_the_chair_admits(tmp_path: Path) -> None:
    async with serve(tmp_path, lobby=True) as stage:
        chair, north = await stage.seated("chair"), await stage.browser("north")
        assert (await north.enter())["ok"]["waiting"] is True
        assert (await north.act("ask_floor"))["error"]["code"] == "not_entered"
        assert (await chair.call("resync"))["ok"]["sites"]["north"]["presence"] == "waiting"
        await chair.act("admit", site="north")
        await north.until("seated")
        assert (await north.enter())["ok"]["waiting"] is False


async def test_a_restarted_server_rebuilds_the_room_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    async with serve(tmp_path) as stage:
        chair, north = await stage.seated("chair"), await stage.seated("north")
        await chair.act("open_meeting")
        await north.act("ask_floor")
        await chair.act("conclude", task="Rà soát giá đất")
        before = (await chair.call("resync"))["ok"]
    async with serve(tmp_path, fresh=False) as stage:
        chair = await stage.seated("chair", resume=True)
        after = (await chair.call("resync"))["ok"]
    for part in ("seq", "meeting", "floor", "agenda", "conclusions", "timeline"):
        assert after[part] == before[part], part
    assert after["sites"]["north"]["presence"] == "away", "its seat is kept"
