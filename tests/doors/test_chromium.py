"""A plain page with an ``RTCPeerConnection``, of another origin than ours: it watches, and it sends three layers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from gathering import Gathering
from playwright.async_api import Page, async_playwright
from visitors import until

from bench.join import FLAGS
from bench.office import CHAIR, NORTH, SOUTH

ANSWERED = """
async (peer, door, ticket) => {
  await peer.setLocalDescription(await peer.createOffer())
  while (peer.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 20))
  const headers = { Authorization: `Bearer ${ticket}`, "Content-Type": "application/sdp" }
  const answer = await fetch(door, { method: "POST", headers, body: peer.localDescription.sdp })
  if (answer.status !== 201) throw new Error(await answer.text())
  window.session = new URL(answer.headers.get("Location"), door).href
  await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() })
}
"""
PLAY = """
async ({ door, ticket }) => {
  const peer = (window.peer = new RTCPeerConnection())
  const screen = (window.screen_ = document.createElement("video"))
  screen.autoplay = true
  peer.ontrack = ({ streams }) => { screen.srcObject = streams[0] }
  peer.addTransceiver("audio", { direction: "recvonly" })
  peer.addTransceiver("video", { direction: "recvonly" })
  document.body.append(screen)
  await (ANSWERED)(peer, door, ticket)
}
""".replace("ANSWERED", ANSWERED)
SEND = """
async ({ door, ticket }) => {
  const peer = (window.peer = new RTCPeerConnection())
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 1280, height: 720 } })
  peer.addTransceiver(stream.getAudioTracks()[0], { direction: "sendonly", streams: [stream] })
  const layer = (rid, scaleResolutionDownBy) => ({ rid, scaleResolutionDownBy })
  const sendEncodings = [layer("l", 4), layer("m", 2), layer("h", 1)]
  peer.addTransceiver(stream.getVideoTracks()[0], { direction: "sendonly", streams: [stream], sendEncodings })
  await (ANSWERED)(peer, door, ticket)
}
""".replace("ANSWERED", ANSWERED)
LOOK = """
async () => {
  const told = [...(await peer.getStats()).values()]
  const inbound = (kind) => told.find((each) => each.type === "inbound-rtp" && each.kind === kind) ?? {}
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = 1
  const pen = canvas.getContext("2d")
  pen.drawImage(screen_, 0, 0, 1, 1)
  return {
    frames: inbound("video").framesDecoded ?? 0,
    energy: inbound("audio").totalAudioEnergy ?? 0,
    brightness: pen.getImageData(0, 0, 1, 1).data[0],
  }
}
"""
LAYERS = """
async () => [...(await peer.getStats()).values()]
  .filter((each) => each.type === "outbound-rtp" && each.kind === "video" && each.framesSent > 0)
  .map((each) => each.rid ?? "").sort()
"""


async def blank(_: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><body></body>", content_type="text/html")


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """The address of a page on another origin."""
    app = web.Application()
    app.router.add_get("/", blank)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.fixture
async def page(elsewhere: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"]
        )
        try:
            context = await browser.new_context(permissions=["camera", "microphone"])
            page = await context.new_page()
            await page.goto(elsewhere)
            yield page
        finally:
            await browser.close()


async def look(page: Page, script: str, good: Any, what: str) -> None:
    seen: Any = None
    for _ in range(300):
        seen = await page.evaluate(script)
        if good(seen):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what}: {seen}")


async def test_chromium_plays_the_stage_on_a_page_of_another_origin(gathering: Gathering, page: Page) -> None:
    await gathering.sending(CHAIR, brightness=200)
    await page.evaluate(PLAY, {"door": f"{gathering.product.url}/whep", "ticket": gathering.tickets[NORTH]})
    await look(
        page,
        LOOK,
        lambda seen: seen["frames"] > 10 and seen["energy"] > 0.01 and abs(seen["brightness"] - 200) < 20,
        "the chair's card and tone in Chromium",
    )


async def test_chromium_sends_three_layers_and_a_player_sees_them(gathering: Gathering, page: Page) -> None:
    await page.evaluate(SEND, {"door": f"{gathering.product.url}/whip", "ticket": gathering.tickets[CHAIR]})
    assert "a=simulcast:recv l;m;h" in await page.evaluate("peer.remoteDescription.sdp")
    viewer = await gathering.watching(SOUTH)
    await until(lambda: any(t.kind == "video" and t.frames > 10 for t in viewer.tracks), "the camera of the page")
    await until(lambda: any(t.kind == "audio" and t.frames > 10 for t in viewer.tracks), "the sound of the page")
    await look(page, LAYERS, lambda layers: "l" in layers, "layers that the page sends")
