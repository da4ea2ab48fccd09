"""Durable jobs (ADR 0006): what a committed transaction has queued is done at least once, through crashes and restarts.

DBOS keeps them in the database of the rows, so "committed" and "queued" are one act. Handlers run on the loop that
called ``start()``; DBOS's own bookkeeping runs on threads. One ``Jobs`` is started at a time in one process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import ConnectionPoolEntry

from store.database import Database

if TYPE_CHECKING:
    from dbos import DBOSClient, EnqueueOptions

log = logging.getLogger("nghisu.jobs")

Handler = Callable[[dict[str, str]], Awaitable[None]]
State = Literal["none", "queued", "running", "done", "failed"]

_NAME = "nghisu"
_WORKFLOW = "job"
_QUEUE = "jobs"
_POLL = 0.25
"""Seconds between looks for due jobs, and so the longest part of a stop."""
_FORGET = 10_000
"""How many old jobs one start forgets at most: a start is quick."""
_COUNTED = 10_000
"""No more jobs than these are counted."""
_STATES: dict[str, State] = {
    "DELAYED": "queued",
    "ENQUEUED": "queued",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "none",
}


class GiveUp(Exception):
    """Raised by a handler for which another attempt is useless: the job is ``failed`` at once."""


class JobFailed(Exception):
    """The attempts of a job are spent; the last error is its argument."""


def backoff(attempt: int) -> float:
    """Seconds to wait after a failed attempt, counted from 1: 2, 4, 8 … and never more than ten minutes."""
    return min(2.0 ** min(attempt, 20), 600.0)


@dataclass(frozen=True)
class _Kind:
    handler: Handler
    queue: str
    attempts: int


class Jobs:
    """``version`` stays the same over releases, so that queued jobs survive an update.

    ``worker`` names this process for life: at its next start it takes up what it left unfinished. Done jobs are
    forgotten ``keep`` after their end, failed ones never.
    """

    def __init__(
        self,
        database: Database,
        *,
        version: str = "1",
        worker: str = "server",
        backoff: Callable[[int], float] = backoff,
        keep: timedelta = timedelta(days=90),
    ) -> None:
        self._database, self._version, self._worker = database, version, worker
        self._backoff, self._keep = backoff, keep
        self._kinds: dict[str, _Kind] = {}
        self._room: dict[str, int] = {}
        self._engine: Engine | None = None
        self._client: DBOSClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = False
        self._opening = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    def register(
        self, name: str, handler: Handler, *, queue: str = "default", attempts: int = 12, concurrency: int = 4
    ) -> None:
        """Before ``start()``. Jobs of one queue run ``concurrency`` at a time; who names it first decides."""
        self._kinds[name] = _Kind(handler, queue, attempts)
        self._room.setdefault(queue, concurrency)

    async def open(self) -> None:
        """Makes the tables, so that jobs can be queued; nothing runs yet. Idempotent."""
        async with self._opening:
            if self._client is None:
                await asyncio.to_thread(self._open)

    async def start(self) -> None:
        """Begins to run jobs, first those that the last stop or crash interrupted."""
        await self.open()
        if not self._started:
            self._loop = asyncio.get_running_loop()
            await asyncio.to_thread(self._launch)
            self._started = True

    async def stop(self) -> None:
        """Interrupts running handlers; their jobs resume at the next start. Idempotent."""
        if self._started:
            self._started = False
            await asyncio.to_thread(_destroy)
            for handler in self._running:
                handler.cancel()
            if self._running:
                await asyncio.wait(self._running, timeout=1)
        await asyncio.to_thread(self._close)

    async def enqueue(
        self,
        name: str,
        payload: dict[str, str],
        *,
        id: str,
        session: AsyncSession | None = None,
        at: datetime | None = None,
        lane: str | None = None,
    ) -> None:
        """Queues a job once per ``id``: with ``session``, when and only when its transaction commits.

        Not before ``at``. Jobs of one ``lane`` run one after the other, in the order in which they were queued. The
        handler may be registered in another process. Raises ``RuntimeError`` before ``open()`` or ``start()``.
        """
        if self._client is None:
            raise RuntimeError("open() or start() comes first")
        options: EnqueueOptions = {
            "workflow_name": _WORKFLOW,
            "queue_name": _QUEUE,
            "workflow_id": id,
            "app_version": self._version,
            "queue_partition_key": lane or id,
        }
        if at is not None:
            options["delay_seconds"] = max(0.0, (at - datetime.now(UTC)).total_seconds())
        if session is None:
            async with self._database.begin() as own:
                await self._insert(own, options, name, payload)
        else:
            await self._insert(session, options, name, payload)

    async def cancel(self, id: str) -> None:
        """A job that has not begun never will; one that is running makes no further attempt."""
        await self.open()
        assert self._client is not None
        await asyncio.to_thread(self._client.cancel_workflow, id)

    async def state(self, id: str) -> State:
        """``none``: never queued, or cancelled."""
        await self.open()
        return await asyncio.to_thread(self._state, id)

    async def counts(self) -> dict[str, int]:
        """How many jobs are queued, running and failed; nothing before ``open()``."""
        return await asyncio.to_thread(self._counts) if self._client is not None else {}

    async def _insert(self, session: AsyncSession, options: EnqueueOptions, name: str, payload: dict[str, str]) -> None:
        client = self._client
        assert client is not None

        def insert(connection: Connection) -> None:
            client.enqueue_in_transaction(connection, options, name, payload)

        await (await session.connection()).run_sync(insert)

    def _state(self, id: str) -> State:
        assert self._client is not None
        found = self._client.list_workflows(workflow_ids=[id], load_input=False)  # pyright: ignore[reportUnknownMemberType]
        return _STATES[found[0].status] if found else "none"

    def _counts(self) -> dict[str, int]:
        assert self._client is not None
        told: dict[str, int] = {"queued": 0, "running": 0, "failed": 0}
        waiting = [status for status, state in _STATES.items() if state in told]
        for job in self._client.list_workflows(  # pyright: ignore[reportUnknownMemberType]
            name=_WORKFLOW, status=waiting, load_input=False, load_output=False, limit=_COUNTED
        ):
            told[_STATES[job.status]] += 1
        return told

    def _open(self) -> None:
        from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer

        url = self._database.rows.url
        driver = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg"
        url = url.set(drivername=driver)
        DBOS.migrate(url.render_as_string(hide_password=False))
        self._engine = _open_engine(url)
        self._client = DBOSClient(
            system_database_engine=self._engine,
            serializer=DBOSPortableJSONSerializer(),
            application_name=_NAME,
        )
        self._client.register_queue(_QUEUE, partition_concurrency=1, polling_interval_sec=_POLL)

    def _close(self) -> None:
        if self._client is not None and self._engine is not None:
            self._client.destroy()
            self._engine.dispose()
            self._client = self._engine = None

    def _forget(self) -> None:
        assert self._client is not None
        old = self._client.list_workflows(  # pyright: ignore[reportUnknownMemberType]
            status=["SUCCESS", "CANCELLED"],
            completed_before=(datetime.now(UTC) - self._keep).isoformat(),
            load_input=False,
            load_output=False,
            limit=_FORGET,
        )
        if old:
            self._client.delete_workflows([job.workflow_id for job in old])

    def _launch(self) -> None:
        from dbos import DBOS, DBOSPortableJSONSerializer

        self._forget()

        DBOS(
            config={
                "name": _NAME,
                "system_database_engine": self._engine,
                "application_version": self._version,
                "executor_id": self._worker,
                "serializer": DBOSPortableJSONSerializer(),
                "notification_listener_polling_interval_sec": _POLL,
                "enable_otlp": False,
                "log_level": "ERROR",
            }
        )
        logging.getLogger("dbos").addFilter(_unsaid)
        DBOS.workflow(name=_WORKFLOW)(self._workflow())
        DBOS.launch()

    def _workflow(self) -> Callable[[str, dict[str, str]], Awaitable[None]]:
        """One job's life. Each attempt's outcome is a recorded step: a restart goes on counting where it was."""
        from dbos import DBOS

        rooms = {queue: asyncio.Semaphore(size) for queue, size in self._room.items()}

        async def job(name: str, payload: dict[str, str]) -> None:
            kind = self._kinds.get(name)
            if kind is None:
                raise JobFailed(f"no handler is registered for {name!r}")
            for attempt in range(1, kind.attempts + 1):
                async with rooms[kind.queue]:
                    outcome: list[Any] = await DBOS.run_step_async({"name": "attempt"}, self._attempt, name, payload)
                final, error = outcome
                if error is None:
                    return
                if final or attempt == kind.attempts:
                    log.error("job %s %s failed: %s", name, payload, error)
                    raise JobFailed(error)
                log.warning("job %s %s: attempt %d of %d failed: %s", name, payload, attempt, kind.attempts, error)
                await DBOS.sleep_async(self._backoff(attempt))

        return job

    async def _attempt(self, name: str, payload: dict[str, str]) -> list[Any]:
        """Runs the handler on the loop of ``start()``: whether another attempt is useless, and the error if any."""
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._handle(name, payload), self._loop))

    async def _handle(self, name: str, payload: dict[str, str]) -> list[Any]:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await self._kinds[name].handler(payload)
        except GiveUp as error:
            return [True, str(error) or repr(error)]
        except Exception as error:
            log.debug("job %s %s", name, payload, exc_info=True)
            return [False, str(error) or repr(error)]
        return [False, None]


def _open_engine(url: URL) -> Engine:
    """A synchronous engine for DBOS on the same database. DBOS begins its own writes with ``BEGIN IMMEDIATE``."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _unsaid(record: logging.LogRecord) -> bool:
    """A spent job is logged here in one line; DBOS need not add its traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], JobFailed))


def _destroy() -> None:
    from dbos import DBOS

    DBOS.destroy(destroy_registry=True)
