"""When a meeting is adjourned its minutes begin and its log is sealed; what the log says later is sealed too."""

from __future__ import annotations

from collections.abc import Sequence

from meetings.events import MeetingAdjourned, decode
from minutes.book import Book
from store.chain import Line


class MinutesFollowLog:
    """Give an instance to ``store.watch.Watch.add``. Delivered twice, a line changes nothing the second time."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def __call__(self, meeting: str, lines: Sequence[Line]) -> None:
        if any(isinstance(decode(line.payload), MeetingAdjourned) for line in lines):
            await self._book.open(meeting)
        await self._book.seal(meeting, lines[-1])
