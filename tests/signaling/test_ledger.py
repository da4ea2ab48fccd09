from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from play import FACTS, wish

from meetings.errors import WrongMoment
from meetings.events import Entry, MeetingOpened, MeetingPrepared, SiteJoined, encode
from signaling.ledger import Ledger
from signaling.protocol import AskFloor, GiveFloor, OpenMeeting
from signaling.room import Room, fold
from signaling.rules import judge, seats
from store.base import Base
from store.chain import GENESIS, Chain
from store.database import Database


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    database = Database.embedded(tmp_path)
    async with database.log_engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield Chain(database)
    await database.close()


def ledger(chain: Chain, told: list[Sequence[Entry]] | None = None) -> Ledger:
    def tell(before: Room, after: Room, entries: Sequence[Entry]) -> None:
        if told is not None:
            told.append(entries)

    return Ledger("m", chain, now, tell)


async def prepared(chain: Chain, told: list[Sequence[Entry]] | None = None) -> tuple[Ledger, asyncio.Task[None]]:
    it = ledger(chain, told)
    await it.load()
    task = asyncio.create_task(it.run())
    await it.submit(lambda room: seats.prepare(room, FACTS))
    for site in ("chair", "north", "south"):
        await it.submit(lambda room, site=site: seats.enter(room, site, wish()))
    return it, task


async def test_a_room_is_the_fold_of_its_log_after_a_restart(chain: Chain) -> None:
    it, task = await prepared(chain)
    await it.submit(lambda room: judge(room, "chair", OpenMeeting()))
    await it.submit(lambda room: judge(room, "north", AskFloor()))
    task.cancel()
    again = ledger(chain)
    await again.load()
    assert again.room == it.room
    assert again.room == fold(again.entries)
    assert await chain.verify("m") == []


async def test_acts_that_wait_together_share_one_transaction_and_one_bad_act_harms_no_other(chain: Chain) -> None:
    told: list[Sequence[Entry]] = []
    it, task = await prepared(chain, told)
    told.clear()
    results = await asyncio.gather(
        it.submit(lambda room: judge(room, "chair", OpenMeeting())),
        it.submit(lambda room: judge(room, "chair", GiveFloor("clerk"))),
        it.submit(lambda room: judge(room, "north", AskFloor())),
        it.submit(lambda room: judge(room, "chair", GiveFloor("north"))),
        return_exceptions=True,
    )
    task.cancel()
    assert isinstance(results[1], WrongMoment)
    assert [type(entry.event).__name__ for entry in told[0]] == ["MeetingOpened", "FloorAsked", "FloorGiven"]
    assert len(told) == 1


async def test_when_another_server_wrote_first_the_tail_is_read_and_the_act_judged_again(chain: Chain) -> None:
    it, task = await prepared(chain)
    other = ledger(chain)
    await other.load()
    (line,) = await chain.append(
        "m", other.room.seq, (await chain.read("m"))[-1].hash, [(now(), encode(MeetingOpened(by="chair")))]
    )
    room = await it.submit(lambda room: judge(room, "north", AskFloor()))
    task.cancel()
    assert room.state == "open"
    assert room.seq == line.seq + 1
    assert await chain.verify("m") == []


async def test_a_changed_row_is_named(chain: Chain, tmp_path: Path) -> None:
    _, task = await prepared(chain)
    task.cancel()
    import aiosqlite

    async with aiosqlite.connect(tmp_path / "events.db") as raw:
        await raw.execute("UPDATE events SET payload = replace(payload, 'north', 'morth') WHERE seq = 3")
        await raw.commit()
    assert [(b.seq, b.reason) for b in await chain.verify("m")] == [(3, "changed")]


async def test_nothing_is_written_when_the_number_is_taken(chain: Chain) -> None:
    from store.chain import SequenceTaken

    await chain.append("m", 0, GENESIS, [(now(), encode(MeetingPrepared(FACTS)))])
    with pytest.raises(SequenceTaken):
        await chain.append("m", 0, GENESIS, [(now(), encode(SiteJoined("north", "x", 1, False)))] * 2)
    assert [line.seq for line in await chain.read("m")] == [1]
