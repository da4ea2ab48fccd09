"""What monitoring reads: who may, in what form, and that the counters of a real relay only grow."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import socketio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from office import Answer, Browser, Office, open_office
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from relay_packets import rtp, vp8
from relay_stand import CAMERA, VIDEO_SSRC, RawBrowser, until
from signaling_live import serve

from media import messages as m
from media.fleet import Fleet
from media.ortc import ROUTER_CAPABILITIES
from media.relay import RelayConfig, run
from meetings.access import Office as OfficeOf
from web.metrics import text
from web.reading import Reading, RelayReading, labels
from web.routes.metrics import from_here

TOKEN = "a token for monitoring, long enough"
DOORS = ("/metrics", "/health/relays")


@pytest.fixture
def untouched_collector() -> Iterator[None]:
    """A relay tunes the garbage collector of its process; a test's process gets its own settings back."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@asynccontextmanager
async def relaying(folder: Path) -> AsyncIterator[Fleet]:
    """A fleet of one real relay, connected through a real socket."""
    fleet, path = Fleet("secret"), folder / "s.sock"
    sockets, application = socketio.AsyncServer(async_mode="aiohttp"), web.Application()
    sockets.register_namespace(fleet.door)
    sockets.attach(application)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    relay = asyncio.create_task(run(RelayConfig("127.0.0.1", 0, None, str(path), "secret")), name="relay")
    try:
        await until(lambda: fleet.available, "the relay")
        yield fleet
    finally:
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay
        await fleet.close()
        await sockets.shutdown()
        await runner.cleanup()


@asynccontextmanager
async def sender(fleet: Fleet, name: str) -> AsyncIterator[RawBrowser]:
    """A site of the meeting *m* that sends its camera and sees the stage."""
    span = fleet.span("m")
    offer = await span.open_endpoint(m.OpenEndpoint("m", name, True, ROUTER_CAPABILITIES))
    site = RawBrowser(name, msgspec.to_builtins(offer))
    assert site.send is not None
    await span.connect_endpoint(
        m.ConnectEndpoint("m", name, site.receive.parameters(), site.send.parameters(), (CAMERA,))
    )
    try:
        await site.receive.connect()
        await site.send.connect()
        yield site
    finally:
        await site.close()


async def numbers(browser: Browser) -> dict[tuple[str, str], tuple[str, float]]:
    """What ``/metrics`` tells: by sample and path or state, the kind of the metric and its value."""
    answer = await browser.get("/metrics")
    assert answer.status == 200
    return {
        (sample.name, "".join(sample.labels.get(label, "") for label in ("path", "state"))): (family.type, sample.value)
        for family in read_text(answer.body.decode())
        for sample in family.samples
    }


@pytest.mark.usefixtures("untouched_collector")
async def test_counters_of_a_relay_only_grow_while_media_flow(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as fleet,
        open_office(tmp_path / "office", relays=fleet) as office,
        sender(fleet, "an") as an,
        sender(fleet, "binh") as binh,
    ):
        browser = office.browser()
        await fleet.span("m").route(m.Route("m", "an", "camera", (), ()))
        readings = [await numbers(browser)]
        assert an.send is not None
        for number in range(60):
            an.send.send(rtp(number, number * 3600, vp8(number, key=not number % 20), ssrc=VIDEO_SSRC, marker=True))
            await asyncio.sleep(0.01)
            if number % 20 == 19:
                readings.append(await numbers(browser))
        await until(lambda: binh.got("stage-video"), "the picture")
        readings.append(await numbers(browser))
        first, last = readings[0], readings[-1]
        counters = [key for key, (kind, _) in first.items() if kind == "counter" and key[0].startswith("nghisu_relay")]
        assert len(counters) >= 10
        for key in counters:
            values = [reading[key][1] for reading in readings]
            assert values == sorted(values), key
        for name in ("packets_received", "bytes_received", "packets_sent", "bytes_sent", "cpu_seconds"):
            assert last[f"nghisu_relay_{name}_total", ""][1] > first[f"nghisu_relay_{name}_total", ""][1]
        assert last["nghisu_relay_up", ""] == ("gauge", 1)
        assert last["nghisu_relay_endpoints", ""] == ("gauge", 2)
        assert last["nghisu_relay_producers", ""] == ("gauge", 1)
        assert last["nghisu_relay_transports", "udp"] == ("gauge", 4)
        assert last["nghisu_relay_transports", "tcp"] == ("gauge", 0)
        assert last["nghisu_relay_memory_bytes", ""][1] > 1 << 20


@pytest.mark.usefixtures("untouched_collector")
async def test_the_administrator_sees_the_relays_and_others_do_not(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as fleet,
        open_office(tmp_path / "office", relays=fleet) as office,
        sender(fleet, "an"),
    ):
        administrator = await office.administrator()
        told = (await administrator.get("/api/system")).body
        assert [(relay["relay"], relay["answers"], relay["endpoints"]) for relay in told["relays"]] == [("0", True, 1)]
        assert (told["relays"][0]["udp"], told["relays"][0]["tcp"]) == (2, 0)
        assert told["relays"][0]["packets"] > 0
        secretary = await office.signed_in("hoa", OfficeOf.SECRETARY)
        assert (await secretary.get("/api/system")).status == 403
        assert (await office.browser().get("/api/system")).status == 401
        state = (await office.browser().get("/health/relays")).body
        assert set(state[0]["routers"]["m"]["endpoints"]) == {"an"}


def test_a_relay_that_does_not_answer_is_down_and_tells_no_counters() -> None:
    body, _ = text(Reading([RelayReading("1", 0.5, None)], {}, recorder=False, jobs={}), "")
    samples = {(s.name, *s.labels.values()): s.value for family in read_text(body.decode()) for s in family.samples}
    of_relays = {key: value for key, value in samples.items() if key[0].startswith("nghisu_relay_")}
    assert of_relays == {("nghisu_relay_up", "1"): 0, ("nghisu_relay_load_ratio", "1"): 0.5}


async def test_jobs_are_told_by_their_state(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        browser = office.browser()
        assert ("nghisu_jobs", "queued") not in await numbers(browser)
        await office.deps.jobs.open()
        try:
            for place in range(3):
                await office.deps.jobs.enqueue("letter", {}, id=f"letter {place}")
            told = await numbers(browser)
            assert told["nghisu_jobs", "queued"] == ("gauge", 3)
            assert told["nghisu_jobs", "running"] == told["nghisu_jobs", "failed"] == ("gauge", 0)
        finally:
            await office.deps.jobs.stop()


async def test_meetings_count_once_they_are_open(tmp_path: Path) -> None:
    async with serve(tmp_path) as stage:
        chair = await stage.seated("chair")
        await stage.seated("north")
        assert stage.hall.totals() == {"meetings": 0, "seats": 0, "sockets": 2, "recordings": 0}
        assert "ok" in await chair.act("open_meeting")
        assert stage.hall.totals() == {"meetings": 1, "seats": 2, "sockets": 2, "recordings": 0}


async def test_openmetrics_is_told_to_who_asks_for_it(office: Office) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    answer = await office.browser().get("/metrics", Accept=accept)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families = {family.name: family for family in read_openmetrics(answer.body.decode())}
    assert families["nghisu_relays"].samples[0].value == 0
    assert all(family.documentation for name, family in families.items() if name.startswith("nghisu"))


@pytest.mark.parametrize("path", DOORS)
async def test_strangers_find_nothing(tmp_path: Path, path: str) -> None:
    async with open_office(tmp_path, metrics_token=TOKEN) as office:
        browser = office.browser()

        async def ask(token: str | None, scheme: str = "Bearer") -> Answer:
            told = f"{scheme} {token}" if token is not None else None
            return await browser.get(path, X_Forwarded_For="192.0.2.7", Authorization=told)

        assert (await browser.get(path)).status == 200
        for wrong in (None, "", "guessed", TOKEN + "x", TOKEN.upper()):
            assert (await ask(wrong)).status == 404
        assert (await ask(TOKEN, "Basic")).status == 404
        assert (await ask(TOKEN)).status == 200


async def test_without_a_token_in_the_settings_no_token_opens(office: Office) -> None:
    for told in ("Bearer", "Bearer ", "Bearer None", f"Bearer {TOKEN}"):
        answer = await office.browser().get("/metrics", X_Forwarded_For="192.0.2.7", Authorization=told)
        assert answer.status == 404


@pytest.mark.parametrize(
    ("remote", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("fe80::1", False),
        ("", False),
    ],
)
def test_this_machine_is_told_by_its_address(remote: str, here: bool) -> None:
    assert from_here(make_mocked_request("GET", "/metrics").clone(remote=remote)) is here


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_behind_a_proxy_nobody_counts_as_this_machine(header: str) -> None:
    headers: Any = {header: "127.0.0.1"}
    assert not from_here(make_mocked_request("GET", "/metrics", headers=headers).clone(remote="127.0.0.1"))


def test_relays_of_two_machines_with_one_number_are_told_apart() -> None:
    assert labels([(0, "aa"), (1, "bb")]) == ["0", "1"]
    assert labels([(0, "aa"), (0, "bb"), (1, "cc")]) == ["0-aa", "0-bb", "1"]
