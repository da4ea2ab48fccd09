"""The law of the live meeting: which events an act brings about now, or why it may not be done.

Every rule is pure: Room and act in, events out. An act that is not allowed raises and nothing changes; an act whose
wish is already so brings about nothing. Where an event follows from another (an item ends when the next begins,
everything ends with the meeting), the rule says all of them, so that the log needs no interpreter.

``judge`` finds the rule of an act in ``RULES``; the files beside it hold the rules by subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from meetings.errors import WrongMoment
from meetings.events import AnyEvent
from meetings.facts import Site
from signaling import protocol as p
from signaling.room import Room
from signaling.rules import agenda, floor, microphones, notes, recording, seats, share

Rule = Callable[[Room, Site, Any], Iterator[AnyEvent]]
Judgement = Callable[[Room], Iterator[AnyEvent]]
"""What the ledger carries out: the Room as it is in, events out."""

RULES: Mapping[type[p.Act], Rule] = {
    p.Admit: seats.admit,
    p.Refuse: seats.refuse,
    p.Leave: seats.leave_by_oneself,
    p.OpenMeeting: agenda.open_meeting,
    p.StartItem: agenda.start_item,
    p.EndItem: agenda.end_item,
    p.Adjourn: agenda.adjourn,
    p.AskFloor: floor.ask,
    p.WithdrawFloor: floor.withdraw,
    p.MoveFloor: floor.move,
    p.GiveFloor: floor.give,
    p.EndFloor: floor.end,
    p.Mute: microphones.mute,
    p.Unmute: microphones.unmute,
    p.MuteAll: microphones.mute_all,
    p.StartShare: share.start,
    p.EndShare: share.end,
    p.StartRecording: recording.start,
    p.StopRecording: recording.stop,
    p.Conclude: notes.conclude,
    p.WithdrawConclusion: notes.withdraw_conclusion,
    p.Mark: notes.mark,
    p.RemoveMark: notes.remove_mark,
}


def judge(room: Room, by: str, act: p.AnyAct) -> Iterator[AnyEvent]:
    """The events that this act brings about. Raises ``MeetingError``."""
    me = seats.seated(room, by)
    if room.state == "adjourned":
        raise WrongMoment("meeting_adjourned")
    yield from RULES[type(act)](room, me, act)
