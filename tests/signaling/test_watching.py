"""Players watch the stage without a seat: the log says so, the roster shows it, the minutes do not count it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from play import BEGIN, Play

from meetings.errors import MeetingError, NotAllowed, WrongMoment
from meetings.events import Entry, MeetingAdjourned, SiteJoined, SiteLeft, WatchingEnded, WatchingStarted
from minutes.attendance import stays
from signaling.protocol import Adjourn, Admit, Refuse
from signaling.rules import watching
from signaling.rules.watching import InLobby
from signaling.views import OFFLINE, site


def test_a_player_is_shown_in_the_roster_and_is_no_presence(play: Play) -> None:
    north = play.room.site("north")
    assert north is not None
    play.write(list(watching.begin(play.room, "north")))
    seen = site(play.room, north, OFFLINE)
    assert (seen.watching, seen.presence) == (True, "absent")
    assert list(watching.begin(play.room, "north")) == []
    play.write(list(watching.end(play.room, "north")))
    assert not site(play.room, north, OFFLINE).watching
    assert list(watching.end(play.room, "north")) == []


def test_the_lobby_holds_for_players(lobby: Play) -> None:
    lobby.enter("chair")
    with pytest.raises(InLobby):
        watching.may_watch(lobby.room, "north")
    lobby >> ("chair", Admit("north")) >> ("chair", Refuse("south"))
    watching.may_watch(lobby.room, "north")
    watching.may_watch(lobby.room, "clerk")
    with pytest.raises(NotAllowed):
        watching.may_watch(lobby.room, "south")
    with pytest.raises(MeetingError, match="site_unknown"):
        watching.may_watch(lobby.room, "nowhere")


def test_adjournment_ends_the_watching_and_nothing_is_written_after_it(opened: Play) -> None:
    opened.write(list(watching.begin(opened.room, "north")))
    opened >> ("chair", Adjourn())
    events = [entry.event for entry in opened.log]
    assert WatchingEnded("north") in events[events.index(MeetingAdjourned("chair")) :]
    assert list(watching.end(opened.room, "north")) == []
    with pytest.raises(WrongMoment):
        watching.may_watch(opened.room, "north")


def test_the_attendance_does_not_count_who_only_watches() -> None:
    told = (
        SiteJoined("north", "Lê Văn Bắc", 4, listen_only=False),
        WatchingStarted("south"),
        WatchingStarted("north"),
        SiteLeft("north", "left"),
        WatchingEnded("south"),
    )
    entries = [Entry(n, BEGIN + timedelta(minutes=n), event) for n, event in enumerate(told, 1)]
    present = stays(entries, BEGIN, BEGIN + timedelta(hours=1))
    assert list(present) == ["north"]
    assert present["north"].spans == [(BEGIN + timedelta(minutes=1), BEGIN + timedelta(minutes=4))]
