"""What is written down while the meeting goes on: conclusions of the chair, marks of the secretary."""

from __future__ import annotations

from collections.abc import Iterator

from meetings.access import require
from meetings.errors import NotFound
from meetings.events import AnyEvent, ConclusionRecorded, ConclusionWithdrawn, MarkRemoved, MarkSet
from meetings.facts import Site
from signaling.protocol import Conclude, Mark, RemoveMark, WithdrawConclusion
from signaling.room import Room
from signaling.rules.agenda import on_agenda, opened


def conclude(room: Room, me: Site, act: Conclude) -> Iterator[AnyEvent]:
    """A new conclusion is named by the number of its event; with an earlier id the text is replaced."""
    require(me.role, "conclude")
    opened(room)
    earlier = room.conclusions.get(act.conclusion or "")
    if act.conclusion is not None and earlier is None:
        raise NotFound("conclusion_unknown", conclusion=act.conclusion)
    item = act.item or (earlier.said.item if earlier else room.current_item)
    if item is not None:
        on_agenda(room, item)
    yield ConclusionRecorded(
        conclusion=act.conclusion or f"c{room.seq + 1}",
        item=item,
        task=act.task.strip(),
        lead=act.lead.strip(),
        cooperating=act.cooperating.strip(),
        deadline=act.deadline,
        by=me.id,
    )


def withdraw_conclusion(room: Room, me: Site, act: WithdrawConclusion) -> Iterator[AnyEvent]:
    require(me.role, "conclude")
    if act.conclusion in room.conclusions:
        yield ConclusionWithdrawn(conclusion=act.conclusion, by=me.id)


def mark(room: Room, me: Site, act: Mark) -> Iterator[AnyEvent]:
    require(me.role, "mark")
    yield MarkSet(mark=f"m{room.seq + 1}", note=act.note.strip(), by=me.id)


def remove_mark(room: Room, me: Site, act: RemoveMark) -> Iterator[AnyEvent]:
    require(me.role, "mark")
    if act.mark in room.marks:
        yield MarkRemoved(mark=act.mark, by=me.id)
