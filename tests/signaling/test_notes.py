from __future__ import annotations

import pytest
from play import Play

from meetings.errors import NotAllowed, NotFound, WrongMoment
from meetings.events import ConclusionWithdrawn, MarkRemoved
from signaling.protocol import (
    Conclude,
    ConclusionsChanged,
    Mark,
    MarksChanged,
    RemoveMark,
    StartItem,
    TimelineGrew,
    WithdrawConclusion,
)

TASK = Conclude(task=" Rà soát giá đất ", lead="Sở Xây dựng", cooperating="Xã Nam", deadline="2026-12-05")


def test_a_conclusion_belongs_to_the_item_under_way_and_may_be_rewritten_and_withdrawn(opened: Play) -> None:
    opened >> ("chair", StartItem("a2")) >> ("clerk", TASK)
    (id,) = opened.room.conclusions
    assert opened.room.conclusions[id].said.item == "a2"
    assert opened.room.conclusions[id].said.task == "Rà soát giá đất"
    opened >> ("clerk", Conclude(task="Rà soát lại", conclusion=id))
    assert [c.said.task for c in opened.room.conclusions.values()] == ["Rà soát lại"]
    assert opened.room.conclusions[id].said.item == "a2"
    opened >> ("chair", WithdrawConclusion(id)) << (ConclusionWithdrawn(id, "chair"),)
    assert any(m == ConclusionsChanged(()) for m in opened.heard("*"))


def test_conclusions_need_a_known_item_an_open_meeting_and_an_officer(opened: Play, play: Play) -> None:
    with pytest.raises(NotFound, match="item_unknown"):
        opened >> ("chair", Conclude(task="x", item="a9"))
    with pytest.raises(NotFound, match="conclusion_unknown"):
        opened >> ("chair", Conclude(task="x", conclusion="c99"))
    with pytest.raises(NotAllowed):
        opened >> ("north", TASK)


def test_nothing_is_concluded_before_the_opening(play: Play) -> None:
    with pytest.raises(WrongMoment, match="not_open"):
        play.enter("chair") >> ("chair", TASK)


def test_marks_are_for_officers_alone(opened: Play) -> None:
    opened >> ("clerk", Mark("số hộ chưa chi trả"))
    assert any(isinstance(m, MarksChanged) for m in opened.heard("officers"))
    assert any(isinstance(m, TimelineGrew) for m in opened.heard("officers"))
    assert not any(isinstance(m, MarksChanged | TimelineGrew) for m in opened.heard("*"))
    (id,) = opened.room.marks
    opened >> ("clerk", RemoveMark(id)) << (MarkRemoved(id, "clerk"),)
    with pytest.raises(NotAllowed):
        opened >> ("chair", Mark())
