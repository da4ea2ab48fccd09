"""Durable jobs on both databases: queued with the transaction, done at least once, whatever dies."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from postgres import fresh_url, open_database

from store.jobs import GiveUp, Jobs, State

LIMIT = 120.0
ROOT = Path(__file__).parents[2]

WORKER = """
import asyncio, os, sys
from postgres import open_database
from store.jobs import Jobs

async def main(url, journal):
    jobs = Jobs(open_database(url))
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def write(payload):
        os.write(out, f"{payload['n']}\\n".encode())
        await asyncio.sleep(0.05)

    jobs.register("write", write, concurrency=4)
    await jobs.start()
    await asyncio.sleep(120)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:{tmp_path}" if request.param == "sqlite" else fresh_url()


@asynccontextmanager
async def office(
    url: str, register: Callable[[Jobs], None], keep: timedelta = timedelta(days=90)
) -> AsyncGenerator[Jobs]:
    database = open_database(url)
    jobs = Jobs(database, backoff=lambda attempt: 0.02, keep=keep)
    register(jobs)
    await jobs.start()
    try:
        yield jobs
    finally:
        await jobs.stop()
        await database.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT):
        while not await condition():
            await asyncio.sleep(0.02)


async def reaches(jobs: Jobs, id: str, state: State) -> None:
    async def there() -> bool:
        return await jobs.state(id) == state

    await until(there)


async def test_a_committed_job_is_done_and_a_rolled_back_one_never_was(url: str) -> None:
    done: list[str] = []

    async def note(payload: dict[str, str]) -> None:
        done.append(payload["what"])

    async with office(url, lambda jobs: jobs.register("note", note)) as jobs:
        database = jobs._database

        async def roll_back() -> None:
            async with database.begin() as session:
                await jobs.enqueue("note", {"what": "lost"}, id="lost", session=session)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await roll_back()
        async with database.begin() as session:
            await jobs.enqueue("note", {"what": "giấy mời"}, id="kept", session=session)
        await reaches(jobs, "kept", "done")
        assert done == ["giấy mời"]
        assert await jobs.state("lost") == "none"


async def test_the_same_id_twice_is_one_job(url: str) -> None:
    done: list[str] = []

    async def note(payload: dict[str, str]) -> None:
        done.append(payload["what"])

    async with office(url, lambda jobs: jobs.register("note", note)) as jobs:
        async with jobs._database.begin() as session:
            await jobs.enqueue("note", {"what": "first"}, id="one", session=session)
            await jobs.enqueue("note", {"what": "second"}, id="one", session=session)
        await reaches(jobs, "one", "done")
        await jobs.enqueue("note", {"what": "third"}, id="one")
        await jobs.enqueue("note", {"what": "after"}, id="after")
        await reaches(jobs, "after", "done")
        assert done == ["first", "after"]


async def test_a_failing_job_is_tried_again_until_its_attempts_are_spent(url: str) -> None:
    tries: Counter[str] = Counter()

    async def flaky(payload: dict[str, str]) -> None:
        tries["flaky"] += 1
        if tries["flaky"] < 3:
            raise ConnectionError("no answer")

    async def hopeless(payload: dict[str, str]) -> None:
        tries["hopeless"] += 1
        raise ConnectionError("no answer")

    async def refused(payload: dict[str, str]) -> None:
        tries["refused"] += 1
        raise GiveUp("no such mailbox")

    def register(jobs: Jobs) -> None:
        jobs.register("flaky", flaky, attempts=5)
        jobs.register("hopeless", hopeless, attempts=4)
        jobs.register("refused", refused, attempts=5)

    async with office(url, register) as jobs:
        for name in ("flaky", "hopeless", "refused"):
            await jobs.enqueue(name, {}, id=name)
        await reaches(jobs, "flaky", "done")
        await reaches(jobs, "hopeless", "failed")
        await reaches(jobs, "refused", "failed")
        assert tries == {"flaky": 3, "hopeless": 4, "refused": 1}


async def test_a_job_waits_for_its_time_and_can_be_cancelled_before_it(url: str) -> None:
    done: list[datetime] = []

    async def note(payload: dict[str, str]) -> None:
        done.append(datetime.now(UTC))

    async with office(url, lambda jobs: jobs.register("note", note)) as jobs:
        soon, later = datetime.now(UTC) + timedelta(seconds=1.5), datetime.now(UTC) + timedelta(days=3)
        await jobs.enqueue("note", {}, id="soon", at=soon)
        await jobs.enqueue("note", {}, id="never", at=later)
        assert await jobs.state("soon") == await jobs.state("never") == "queued"
        await jobs.cancel("never")
        await reaches(jobs, "soon", "done")
        assert len(done) == 1
        assert done[0] >= soon - timedelta(milliseconds=5)
        assert await jobs.state("never") == "none"


async def test_jobs_of_one_lane_run_one_after_the_other_in_order_while_others_pass(url: str) -> None:
    order: list[str] = []
    gate = asyncio.Event()

    async def walk(payload: dict[str, str]) -> None:
        order.append(f"{payload['n']} begins")
        if payload["n"] == "0":
            await gate.wait()
        order.append(f"{payload['n']} ends")

    async with office(url, lambda jobs: jobs.register("walk", walk)) as jobs:
        for n in range(3):
            await jobs.enqueue("walk", {"n": str(n)}, id=f"lane.{n}", lane="xã Hương Sơn")
        await jobs.enqueue("walk", {"n": "other"}, id="other")
        await reaches(jobs, "other", "done")
        assert [line for line in order if "other" not in line] == ["0 begins"]
        gate.set()
        await reaches(jobs, "lane.2", "done")
        walked = [line for line in order if "other" not in line]
        assert walked == [f"{n} {word}" for n in range(3) for word in ("begins", "ends")]


async def test_stopping_is_quick_and_the_interrupted_job_resumes_with_the_next_start(url: str) -> None:
    runs: list[str] = []

    async def forever(payload: dict[str, str]) -> None:
        runs.append("begun")
        await asyncio.Event().wait()

    async def resume(payload: dict[str, str]) -> None:
        runs.append("resumed")

    async with office(url, lambda jobs: jobs.register("long", forever)) as jobs:
        await jobs.enqueue("long", {}, id="long")
        await reaches(jobs, "long", "running")

        async def begun() -> bool:
            return runs == ["begun"]

        await until(begun)
        async with asyncio.timeout(60):
            await jobs.stop()
    async with office(url, lambda jobs: jobs.register("long", resume)) as jobs:
        await reaches(jobs, "long", "done")
    assert runs == ["begun", "resumed"]


async def test_a_worker_killed_midway_loses_nothing_and_repeats_only_what_was_in_flight(
    url: str, tmp_path: Path
) -> None:
    """60 jobs, two kills with SIGKILL; at most the four handlers in flight are repeated each time."""
    journal, count, kills = tmp_path / "journal", 60, 2
    database = open_database(url)
    jobs = Jobs(database)
    await jobs.open()
    async with database.begin() as session:
        for n in range(count):
            await jobs.enqueue("write", {"n": str(n)}, id=f"write.{n}", session=session)
    journal.touch()

    def written() -> list[str]:
        return journal.read_text().split()

    async def worker() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, url, str(journal), env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        )

    for kill in range(1, kills + 1):
        process = await worker()

        async def progressed(share: int = count * kill // 4) -> bool:
            return len(set(written())) >= share

        await until(progressed)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        assert len(set(written())) < count

    process = await worker()

    async def all_done() -> bool:
        return all([await jobs.state(f"write.{n}") == "done" for n in range(count)])

    await until(all_done)
    process.kill()
    await process.wait()
    await jobs.stop()
    await database.close()
    times = Counter(written())
    assert set(times) == {str(n) for n in range(count)}
    assert sum(times.values()) - count <= 4 * kills


async def test_a_job_that_no_handler_knows_fails_visibly(tmp_path: Path) -> None:
    async with office(f"sqlite:{tmp_path}", lambda jobs: None) as jobs:
        await jobs.enqueue("unknown", {}, id="x")
        await reaches(jobs, "x", "failed")


async def test_old_jobs_are_forgotten_at_a_start_but_failed_ones_stay(url: str) -> None:
    async def note(payload: dict[str, str]) -> None:
        if payload:
            raise GiveUp("no")

    async with office(url, lambda jobs: jobs.register("note", note)) as jobs:
        await jobs.enqueue("note", {}, id="done")
        await jobs.enqueue("note", {"bad": "yes"}, id="failed")
        await reaches(jobs, "done", "done")
        await reaches(jobs, "failed", "failed")
    async with office(url, lambda jobs: None) as jobs:
        assert await jobs.state("done") == "done"
    async with office(url, lambda jobs: None, keep=timedelta(0)) as jobs:
        assert await jobs.state("done") == "none"
        assert await jobs.state("failed") == "failed"


async def test_nothing_is_queued_before_the_jobs_are_open(tmp_path: Path) -> None:
    database = open_database(f"sqlite:{tmp_path}")
    with pytest.raises(RuntimeError):
        await Jobs(database).enqueue("note", {}, id="x")
    await database.close()
