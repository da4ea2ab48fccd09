"""The state of a meeting's row follows from its event log; this watcher carries it over."""

from __future__ import annotations

from collections.abc import Sequence

from meetings.events import MeetingAdjourned, MeetingOpened, decode
from meetings.meeting import TRANSITIONS, Act, State
from meetings.tables import Meeting
from store.chain import Line
from store.database import Database


class StateFollowsLog:
    """Give an instance to ``store.watch.Watch.add``. Delivered twice, a line changes nothing the second time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, meeting: str, lines: Sequence[Line]) -> None:
        happened = [(line.at, decode(line.payload)) for line in lines]
        steps = [(at, event) for at, event in happened if isinstance(event, MeetingOpened | MeetingAdjourned)]
        if not steps:
            return
        async with self._database.begin() as session:
            row = await session.get(Meeting, meeting, with_for_update=True)
            if row is None:
                return
            for at, event in steps:
                act = Act.OPEN if isinstance(event, MeetingOpened) else Act.ADJOURN
                following = TRANSITIONS[State(row.state)].get(act)
                if following is None:
                    continue
                row.state = following
                if act is Act.OPEN:
                    row.opened_at = at
                else:
                    row.adjourned_at = at
