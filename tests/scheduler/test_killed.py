"""The process that posts letters is killed midway: no letter is lost, and a repeated one is recognised by its id."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path

import pytest
from guests import BASE_URL, NOW, SENDER, Mailbox, convene, until
from postgres import fresh_url, open_database
from sqlalchemy import func, select

from scheduler.invitations import invite
from scheduler.tables import DeliveryRow
from store.base import Base
from store.jobs import Jobs

ROOT = Path(__file__).parents[2]
SITES, KILLS, AT_ONCE = 60, 2, 4

WORKER = f"""
import asyncio, sys
from guests import NOW, TICKETS
from postgres import open_database
from scheduler.mail import Smtp
from scheduler.post import Post
from store.jobs import Jobs

async def main(url, smtp):
    database = open_database(url)
    jobs = Jobs(database)
    Post(database, jobs, TICKETS, Smtp(smtp), base_url={BASE_URL!r}, sender={SENDER!r}, now=lambda: NOW).register()
    await jobs.start()
    await asyncio.sleep(120)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_sixty_letters_survive_two_kills(kind: str, tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}" if kind == "sqlite" else fresh_url()
    database, mailbox = open_database(url), Mailbox()
    async with database.rows.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    meeting = await convene(database, sites=SITES)
    jobs = Jobs(database)
    await jobs.open()
    async with database.begin() as session:
        assert await invite(session, jobs, meeting, NOW) == SITES
    await jobs.stop()

    def received() -> set[str]:
        return {str(message["Message-ID"]) for message in mailbox.taken}

    async def sent() -> int:
        async with database.begin() as session:
            return await session.scalar(select(func.count()).where(DeliveryRow.state == "sent")) or 0

    async with mailbox.open() as smtp:

        async def worker() -> asyncio.subprocess.Process:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-c", WORKER, url, smtp, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
            )

        for _ in range(KILLS):
            mailbox.full = len(mailbox.taken) + SITES // 4
            process = await worker()
            await until(lambda: len(mailbox.taken) >= mailbox.full)
            process.kill()
            await process.wait()
        assert len(received()) < SITES
        mailbox.full = float("inf")
        process = await worker()

        async def all_sent() -> bool:
            return await sent() == SITES

        await until(all_sent)
        process.kill()
        await process.wait()
    await database.close()
    copies = Counter(str(message["Message-ID"]) for message in mailbox.taken)
    assert len(copies) == SITES
    assert KILLS <= copies.total() - SITES <= AT_ONCE * KILLS
