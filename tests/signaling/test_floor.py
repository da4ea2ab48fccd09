from __future__ import annotations

import pytest
from play import Play

from meetings.errors import NotAllowed, WrongMoment
from meetings.events import FloorAsked, FloorEnded, FloorGiven, FloorMoved, FloorWithdrawn, SiteLeft
from signaling.protocol import (
    AskFloor,
    EndFloor,
    FloorChanged,
    GiveFloor,
    InvitedToSpeak,
    Leave,
    MoveFloor,
    WithdrawFloor,
)


def test_hands_are_kept_in_the_order_in_which_they_were_raised(opened: Play) -> None:
    opened >> ("south", AskFloor()) << (FloorAsked("south"),)
    opened >> ("north", AskFloor()) << (FloorAsked("north"),)
    assert [hand.site for hand in opened.room.queue] == ["south", "north"]
    (changed,) = [m for m in opened.heard("*") if isinstance(m, FloorChanged)]
    assert [hand.site for hand in changed.floor.queue] == ["south", "north"]


def test_asking_twice_is_asking_once(opened: Play) -> None:
    opened >> ("north", AskFloor()) >> ("north", AskFloor()) << ()


def test_the_chair_gives_the_floor_with_the_time_of_the_meeting_and_the_speaker_is_told(opened: Play) -> None:
    opened >> ("north", AskFloor()) >> ("chair", GiveFloor("north")) << (FloorGiven("north", 300, "chair"),)
    assert opened.room.turn is not None
    assert opened.room.queue == ()
    assert opened.heard("north") == [InvitedToSpeak(300)]


def test_the_next_speaker_please_is_one_act_that_ends_the_turn_before(opened: Play) -> None:
    opened >> ("chair", GiveFloor("north", seconds=120)) >> ("clerk", GiveFloor("south"))
    opened << (FloorEnded("north", "clerk", "next"), FloorGiven("south", 300, "clerk"))


def test_the_speaker_yields_and_the_chair_ends(opened: Play) -> None:
    opened >> ("chair", GiveFloor("north")) >> ("north", EndFloor()) << (FloorEnded("north", "north", "yielded"),)
    opened >> ("chair", GiveFloor("north")) >> ("chair", EndFloor()) << (FloorEnded("north", "chair", "ended"),)
    opened >> ("chair", EndFloor()) << ()


def test_a_delegate_neither_gives_nor_ends_nor_reorders(opened: Play) -> None:
    opened >> ("south", AskFloor()) >> ("chair", GiveFloor("chair"))
    for act in (GiveFloor("north"), EndFloor(), MoveFloor("south", 0), WithdrawFloor("south")):
        with pytest.raises(NotAllowed):
            opened >> ("north", act)


def test_the_chair_moves_a_hand_to_the_front(opened: Play) -> None:
    opened >> ("south", AskFloor()) >> ("north", AskFloor()) >> ("clerk", AskFloor())
    opened >> ("chair", MoveFloor("clerk", 0)) << (FloorMoved("clerk", 0, "chair"),)
    assert [hand.site for hand in opened.room.queue] == ["clerk", "south", "north"]
    opened >> ("chair", MoveFloor("clerk", 99)) << (FloorMoved("clerk", 2, "chair"),)
    opened >> ("chair", MoveFloor("clerk", 2)) << ()
    with pytest.raises(WrongMoment, match="not_waiting"):
        opened >> ("chair", MoveFloor("chair", 0))


def test_a_hand_is_lowered_by_its_owner_or_by_the_chair(opened: Play) -> None:
    opened >> ("north", AskFloor()) >> ("north", WithdrawFloor()) << (FloorWithdrawn("north", "north"),)
    opened >> ("north", AskFloor()) >> ("chair", WithdrawFloor("north")) << (FloorWithdrawn("north", "chair"),)
    opened >> ("north", WithdrawFloor()) << ()


def test_who_has_the_floor_does_not_ask_for_it(opened: Play) -> None:
    with pytest.raises(WrongMoment, match="has_floor"):
        opened >> ("chair", GiveFloor("north")) >> ("north", AskFloor())


def test_an_observer_has_no_voice(opened: Play) -> None:
    with pytest.raises(NotAllowed):
        opened >> ("guest", AskFloor())
    with pytest.raises(WrongMoment, match="listen_only"):
        opened >> ("chair", GiveFloor("guest"))


def test_nobody_speaks_before_the_meeting_is_open(play: Play) -> None:
    play.enter("chair", "north")
    for line in (("north", AskFloor()), ("chair", GiveFloor("north"))):
        with pytest.raises(WrongMoment, match="not_open"):
            play >> line


def test_a_speaker_who_leaves_gives_the_floor_back(opened: Play) -> None:
    opened >> ("south", AskFloor()) >> ("chair", GiveFloor("north")) >> ("north", Leave())
    opened << (FloorEnded("north", "north", "left"), SiteLeft("north", "left"))
    opened >> ("south", Leave())
    assert opened.room.queue == ()


def test_the_floor_is_not_given_to_an_empty_seat(opened: Play) -> None:
    opened >> ("north", Leave())
    with pytest.raises(WrongMoment, match="not_seated"):
        opened >> ("chair", GiveFloor("north"))
