"""Letters on their way: what is for everybody is put together where much happens at once.

The first letter for everybody leaves at once; those that follow within ``PAUSE`` leave together after it, and those
that tell only of comings and goings (``patient``) within ``PATIENCE``, unless another takes them along. Letters for
single sockets do not wait, and overtake nothing but what is for everybody (``docs/conduct.md``).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from msgspec.structs import replace

from signaling import protocol as p

log = logging.getLogger("nghisu.mailbag")

PAUSE = 0.1
"""Seconds between two letters to everybody: ten a second are enough for any eye."""
PATIENCE = 0.5
"""Seconds between two letters that tell who comes and goes: each costs work for every site that is here."""

Addressee = str | list[str]


class Carrier(Protocol):
    async def deliver(self, to: Addressee, posted: p.Posted) -> None: ...


class Mailbag:
    """``everyone`` is the address of all who are seated."""

    def __init__(self, everyone: str, carrier: Carrier) -> None:
        self._everyone, self._carrier = everyone, carrier
        self._public: list[p.Posted] = []
        self._private: list[tuple[Addressee, p.Posted]] = []
        self._come = asyncio.Event()
        self._sent_at = -PATIENCE
        self._pause = PATIENCE
        """Seconds after the last letter to everybody at which the next one leaves."""

    def put(self, to: Addressee, posted: p.Posted, *, patient: bool = False) -> None:
        if to == self._everyone:
            self._public.append(posted)
            if not patient:
                self._pause = PAUSE
        else:
            self._private.append((to, posted))
        self._come.set()

    async def run(self) -> None:
        """Delivers until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            wait = self._sent_at + self._pause - loop.time() if self._public else None
            try:
                async with asyncio.timeout(None if wait is None else max(0.0, wait)):
                    await self._come.wait()
            except TimeoutError:
                pass
            self._come.clear()
            private, self._private = self._private, []
            for to, posted in private:
                await self._send(to, posted)
            if self._public and loop.time() >= self._sent_at + self._pause:
                public, self._public = self._public, []
                self._sent_at, self._pause = loop.time(), PATIENCE
                for posted in joined(public):
                    await self._send(self._everyone, posted)

    async def _send(self, to: Addressee, posted: p.Posted) -> None:
        try:
            await self._carrier.deliver(to, posted)
        except Exception:
            log.exception("a letter was not delivered")


def joined(letters: list[p.Posted]) -> list[p.Posted]:
    """The same in fewer letters: what follows on each other in the log is one, and so are moments in a row. Pure.

    Sites that are told several times are told once, as they were last.
    """
    made: list[p.Posted] = []
    for posted in letters:
        last = made[-1] if made else None
        if last is not None and last.seq == posted.after:
            made[-1] = p.Posted(last.after, posted.seq, _merged(last.messages, posted.messages))
        else:
            made.append(posted)
    return made


def _merged(earlier: tuple[p.AnyMessage, ...], later: tuple[p.AnyMessage, ...]) -> tuple[p.AnyMessage, ...]:
    messages = list(earlier)
    for message in later:
        last = messages[-1] if messages else None
        if isinstance(message, p.SitesChanged) and isinstance(last, p.SitesChanged):
            messages[-1] = replace(last, sites={**last.sites, **message.sites})
        else:
            messages.append(message)
    return tuple(messages)
