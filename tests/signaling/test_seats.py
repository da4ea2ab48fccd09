from __future__ import annotations

import pytest
from msgspec.structs import replace
from play import FACTS, Play, wish

from meetings.errors import NotAllowed, NotFound, WrongMoment
from meetings.events import (
    MeetingPrepared,
    NoticeAcknowledged,
    SiteAdmitted,
    SiteAsked,
    SiteJoined,
    SiteLeft,
    SiteRefused,
)
from signaling.protocol import Admit, AskFloor, MeetingChanged, Refuse, Seated, SitesChanged, TurnedAway
from signaling.rules import seats


def test_an_invited_site_sits_down_and_its_acknowledgement_is_kept(play: Play) -> None:
    play.enter("north", person="Lê Văn Bình", people=7, acknowledged=True)
    play << (SiteJoined("north", "Lê Văn Bình", 7, False), NoticeAcknowledged("north", "Lê Văn Bình"))
    (changed,) = [m for m in play.heard("*") if isinstance(m, SitesChanged)]
    assert changed.sites["north"].person == "Lê Văn Bình"
    assert changed.sites["north"].presence == "seated"


def test_coming_back_to_a_kept_seat_is_no_event(play: Play) -> None:
    play.enter("north").enter("north") << ()


def test_an_observer_only_listens(play: Play) -> None:
    play.enter("guest") << (SiteJoined("guest", "Phạm Quan", 1, True),)


def test_with_a_lobby_delegates_wait_and_officers_do_not(lobby: Play) -> None:
    lobby.enter("chair") << (SiteJoined("chair", "Vũ Đình Khải", 1, False),)
    lobby.enter("north") << (SiteAsked("north"),)
    lobby.enter("north") << ()
    lobby >> ("chair", Admit("north")) << (SiteAdmitted("north", "chair"),)
    assert lobby.heard("north") == [Seated()]
    lobby.enter("north") << (SiteJoined("north", "Lê Văn Bắc", 1, False),)


def test_a_refused_site_is_told_and_stays_out_until_it_is_admitted(lobby: Play) -> None:
    lobby.enter("chair").enter("north") >> ("chair", Refuse("north"))
    lobby << (SiteRefused("north", "chair"),)
    assert lobby.heard("north") == [TurnedAway("refused")]
    with pytest.raises(WrongMoment, match="refused_entry"):
        lobby.enter("north")
    lobby >> ("chair", Admit("north"))
    lobby.enter("north")
    with pytest.raises(WrongMoment, match="already_seated"):
        lobby >> ("chair", Refuse("north"))


def test_delegates_admit_nobody(lobby: Play) -> None:
    lobby.enter("chair").enter("north").enter("south") >> ("chair", Admit("north"))
    lobby.enter("north")
    with pytest.raises(NotAllowed):
        lobby >> ("north", Admit("south"))


def test_who_is_not_seated_does_not_act(play: Play) -> None:
    with pytest.raises(seats.NotEntered):
        play >> ("north", AskFloor())
    with pytest.raises(NotFound, match="site_unknown"):
        play >> ("nobody", AskFloor())


def test_a_lost_site_leaves_and_may_come_again(opened: Play) -> None:
    opened.write(list(seats.leave(opened.room, "north", "lost")))
    opened << (SiteLeft("north", "lost"),)
    assert list(seats.leave(opened.room, "north", "lost")) == []
    opened.enter("north") << (SiteJoined("north", "Lê Văn Bắc", 1, False),)


def test_a_meeting_that_is_over_lets_nobody_in(opened: Play) -> None:
    from signaling.protocol import Adjourn

    opened >> ("chair", Adjourn())
    with pytest.raises(WrongMoment, match="meeting_adjourned"):
        list(seats.enter(opened.room, "north", wish()))


def test_changed_facts_are_taken_over_once(play: Play) -> None:
    renamed = replace(FACTS, title="Họp giao ban tháng 12")
    play.write(list(seats.prepare(play.room, renamed)))
    play << (MeetingPrepared(renamed),)
    assert any(isinstance(m, MeetingChanged) and m.meeting.title == renamed.title for m in play.heard("*"))
    assert list(seats.prepare(play.room, renamed)) == []
