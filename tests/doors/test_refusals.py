"""What the doors refuse, by status and code; nobody is seated by a refused offer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from gathering import OBSERVER, Gathering
from visitors import Client, encoder, player

from bench.office import CHAIR, NORTH, SOUTH
from bench.product import Product
from meetings.tickets import Ticket, Tickets


@dataclass
class Case:
    status: int
    code: str
    door: str = "whip"
    body: Callable[[str], str] = str
    content_type: str = "application/sdp"
    authorization: str | None = None
    query: str = ""


def without(pattern: str) -> Callable[[str], str]:
    return lambda offer: re.sub(rf"(?m)^a={pattern}.*\r?\n", "", offer)


def renamed(old: str, new: str) -> Callable[[str], str]:
    return lambda offer: offer.replace(old, new)


def twice_pictured(offer: str) -> str:
    """The offer with its picture once more."""
    again = offer[offer.index("m=video") :].replace("a=mid:1", "a=mid:2")
    return offer.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + again


CASES = {
    "no ticket": Case(401, "ticket_missing", authorization=""),
    "a name and a password": Case(401, "ticket_missing", authorization="Basic bm9ydGg6c2VjcmV0"),
    "a ticket that is none": Case(401, "ticket_unknown", authorization="Bearer abc.def.ghi"),
    "a ticket that is none, of a player": Case(401, "ticket_unknown", door="whep", authorization="Bearer x"),
    "a JSON body": Case(415, "content_type_unsupported", content_type="application/json"),
    "a JSON body of a player": Case(415, "content_type_unsupported", door="whep", content_type="text/plain"),
    "no SDP": Case(400, "sdp_malformed", body=lambda _: "hello"),
    "an empty offer": Case(400, "sdp_malformed", body=lambda _: ""),
    "half an offer": Case(400, "sdp_malformed", body=lambda offer: offer[: len(offer) // 3]),
    "an offer without fingerprint": Case(400, "sdp_malformed", body=without("fingerprint")),
    "an offer without mids": Case(400, "sdp_malformed", body=without("mid")),
    "a book": Case(413, "too_large", body=lambda offer: offer + "a=note:x\r\n" * 10_000),
    "heads that are no number": Case(400, "invalid", query="?people=many"),
    "no codec of ours": Case(406, "codec_unknown", body=lambda o: o.replace("VP8/", "AV1/").replace("H264/", "H265/")),
    "no codec of ours for a player": Case(
        406,
        "codec_unknown",
        door="whep",
        body=lambda o: o.replace("VP8/", "AV1/").replace("H264/", "H265/").replace("opus/", "speex/"),
    ),
    "two ports": Case(406, "rtcp_mux_missing", body=without("rtcp-mux")),
    "two connections": Case(406, "bundle_missing", body=without("group:BUNDLE")),
    "an encoder that only listens": Case(406, "nothing_sent", body=renamed("a=sendrecv", "a=recvonly")),
    "two cameras": Case(406, "one_track_each", body=twice_pictured),
}


async def test_every_refusal_has_its_status_and_code(gathering: Gathering) -> None:
    chair = await gathering.browser(CHAIR)
    offers = {"whip": await gathering.encoder(NORTH).offer(), "whep": await gathering.player(NORTH).offer()}
    wrong: list[object] = []
    for name, case in CASES.items():
        asker = gathering.encoder(NORTH)
        headers = {"Content-Type": case.content_type}
        if case.authorization is not None:
            headers["Authorization"] = case.authorization
        await asker.ask("POST", f"/{case.door}{case.query}", case.body(offers[case.door]), **headers)
        if (asker.status, asker.code) != (case.status, case.code):
            wrong.append((name, asker.status, asker.body))
        assert asker.headers["Access-Control-Allow-Origin"] == "*"
        assert ("WWW-Authenticate" in asker.headers) == (case.status == 401)
    assert wrong == []
    assert {site["presence"] for site in (await gathering.sites(chair)).values()} == {"seated", "absent"}
    assert (await gathering.sites(chair))[NORTH.unit]["presence"] == "absent"


async def test_an_observer_sends_nothing_and_may_watch(gathering: Gathering) -> None:
    sender = gathering.encoder(OBSERVER)
    await sender.post()
    assert (sender.status, sender.code) == (403, "listen_only")
    await gathering.watching(OBSERVER)


async def test_an_expired_ticket_opens_no_door(gathering: Gathering, product: Product) -> None:
    secret = await asyncio.to_thread((product.var / "secret").read_bytes)
    tickets = Tickets(secret)
    good = tickets.read(gathering.tickets[NORTH], gathering.now())
    late = tickets.sign(Ticket(good.site, good.meeting, good.serial, gathering.now()))
    reissued = tickets.sign(Ticket(good.site, good.meeting, good.serial + 1, good.expires_at))
    for ticket, code in ((late, "ticket_expired"), (reissued, "ticket_unknown")):
        for visitor in (encoder(product.url, ticket), player(product.url, ticket)):
            await visitor.post()
            assert (visitor.status, visitor.code) == (401, code)
            assert visitor.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
            await visitor.close()


async def test_only_the_sites_own_ticket_ends_its_visit(gathering: Gathering) -> None:
    north = await gathering.sending(NORTH)
    stranger, nobody = gathering.encoder(SOUTH), Client(gathering.product.url, "whip", None)
    await stranger.ask("DELETE", north.address)
    assert (stranger.status, stranger.code) == (404, "visit_unknown")
    await nobody.ask("DELETE", north.address)
    assert (nobody.status, nobody.code) == (401, "ticket_missing")
    assert north.peer.connectionState == "connected"
    await north.delete()
    assert north.status == 200
    await north.delete()
    assert north.status == 404


async def test_the_doors_answer_only_what_the_standards_ask(gathering: Gathering) -> None:
    north = await gathering.sending(NORTH)
    for path in ("/whip", "/whep", north.address):
        asker = gathering.encoder(NORTH)
        await asker.ask("OPTIONS", path, Origin="https://player.example")
        assert (asker.status, asker.headers["Accept-Post"]) == (200, "application/sdp")
        assert "Authorization" in asker.headers["Access-Control-Allow-Headers"]
        await asker.ask("GET", path)
        assert asker.status == 204
        for method in ("PUT", "PATCH"):
            await asker.ask(method, path, "a=candidate:…")
            assert (asker.status, asker.code) == (405, "method_not_allowed")


async def test_a_whole_personal_link_is_as_good_as_its_ticket(gathering: Gathering) -> None:
    chair = await gathering.browser(CHAIR)
    link = f"{gathering.product.url}/join/{gathering.tickets[NORTH]}"
    north = encoder(gathering.product.url, link)
    gathering.stack.push_async_callback(north.close)
    await north.post("?people=24")
    assert north.status == 201
    await gathering.roster(chair, NORTH, lambda site: site["people"] == 24)


@pytest.mark.parametrize("door", ["whip", "whep"])
async def test_noise_at_the_doors_is_refused_and_never_an_incident(gathering: Gathering, door: str) -> None:
    """Every line of a good offer is left out, doubled and cut in turn."""
    visitor = gathering.encoder(NORTH) if door == "whip" else gathering.player(NORTH)
    lines = (await visitor.offer()).splitlines(keepends=True)
    seen: set[int] = set()
    for n, line in enumerate(lines):
        for changed in ("", line * 2, line[: len(line) // 2] + "\r\n", line.replace(":", "", 1), line[:2] + "\r\n"):
            body = "".join([*lines[:n], changed, *lines[n + 1 :]])
            await visitor.ask("POST", f"/{door}", body)
            seen.add(visitor.status)
            assert visitor.status in {201, 400, 406}, (line, changed, visitor.body)
    assert {201, 400} <= seen
