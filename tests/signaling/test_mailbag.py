"""Letters for everybody are put together where much happens at once; nothing is lost, and the log's order is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from signaling import protocol as p
from signaling.mailbag import PATIENCE, PAUSE, Addressee, Mailbag, joined

ALL = "seated:m"


def posted(after: int | None, seq: int | None, *messages: p.AnyMessage) -> p.Posted:
    return p.Posted(after, seq, messages)


def share(site: str | None) -> p.ShareChanged:
    return p.ShareChanged(site)


def test_what_follows_on_each_other_in_the_log_is_one_letter() -> None:
    letters = [posted(1, 2, share("a")), posted(2, 2), posted(2, 5, share("b"))]
    assert joined(letters) == [posted(1, 5, share("a"), share("b"))]


def test_a_moment_is_not_told_as_part_of_the_log() -> None:
    letters = [posted(None, None, share("a")), posted(1, 2, share("b")), posted(None, None, p.Speaking(("a",)))]
    assert joined(letters) == letters


def test_sites_that_are_told_several_times_are_told_once_as_they_were_last() -> None:
    one, other, later = (p.SitesChanged({name: name}) for name in ("one", "other", "one"))  # pyright: ignore[reportArgumentType]
    (letter,) = joined([posted(None, None, one), posted(None, None, other), posted(None, None, later)])
    assert letter.messages == (p.SitesChanged({"one": "one", "other": "other"}),)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def running() -> AsyncGenerator[tuple[Mailbag, list[tuple[Addressee, p.Posted]]]]:
    got: list[tuple[Addressee, p.Posted]] = []

    class Carrier:
        async def deliver(self, to: Addressee, posted: p.Posted) -> None:
            got.append((to, posted))
            if posted.seq == 66:
                raise RuntimeError

    bag = Mailbag(ALL, Carrier())
    task = asyncio.create_task(bag.run())
    try:
        yield bag, got
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(count: int, got: list[tuple[Addressee, p.Posted]]) -> None:
    for _ in range(1000):
        if len(got) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(got)


async def test_the_first_letter_leaves_at_once_and_a_hundred_more_leave_as_one() -> None:
    async with running() as (bag, got):
        bag.put(ALL, posted(0, 1, share("a")))
        await until(1, got)
        for seq in range(1, 101):
            bag.put(ALL, posted(seq, seq + 1))
            await asyncio.sleep(0)
        bag.put("socket", posted(None, None, p.Seated()))
        await until(3, got)
        assert got[1] == ("socket", posted(None, None, p.Seated()))
        assert got[2] == (ALL, posted(1, 101))


async def test_a_letter_that_cannot_be_delivered_holds_up_no_other() -> None:
    async with running() as (bag, got):
        bag.put(ALL, posted(65, 66))
        await until(1, got)
        bag.put(ALL, posted(66, 67))
        await until(2, got)
        assert got[1] == (ALL, posted(66, 67))


async def test_comings_and_goings_wait_for_each_other_and_any_other_letter_takes_them_along() -> None:
    async with running() as (bag, got):
        bag.put(ALL, posted(0, 1), patient=True)
        await until(1, got)
        for seq in range(1, 11):
            bag.put(ALL, posted(seq, seq + 1), patient=True)
        await asyncio.sleep(1.5 * PAUSE)
        assert len(got) == 1, "they wait longer than a letter that is not patient"
        bag.put(ALL, posted(11, 12, share("a")))
        await until(2, got)
        assert got[1] == (ALL, posted(1, 12, share("a")))


async def test_comings_and_goings_do_not_wait_for_ever() -> None:
    async with running() as (bag, got):
        for seq in range(20):
            bag.put(ALL, posted(seq, seq + 1), patient=True)
            await asyncio.sleep(PATIENCE / 10)
        await until(3, got)
        assert got[0] == (ALL, posted(0, 1))
