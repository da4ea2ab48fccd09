from __future__ import annotations

import pytest
from play import Play

from meetings.errors import NotAllowed, NotFound, WrongMoment
from meetings.events import (
    FloorEnded,
    ItemEnded,
    ItemStarted,
    MeetingAdjourned,
    MeetingOpened,
    RecordingStarted,
    RecordingStopped,
    ShareEnded,
    ShareStarted,
    SiteLeft,
)
from signaling.protocol import (
    Adjourn,
    AgendaChanged,
    AskFloor,
    EndItem,
    EndShare,
    GiveFloor,
    OpenMeeting,
    StartItem,
    StartRecording,
    StartShare,
    StopRecording,
)


def test_only_the_chair_opens_and_adjourns(play: Play) -> None:
    play.enter("chair", "clerk")
    with pytest.raises(NotAllowed):
        play >> ("clerk", OpenMeeting())
    play >> ("chair", OpenMeeting()) << (MeetingOpened("chair"),)
    play >> ("chair", OpenMeeting()) << ()
    with pytest.raises(NotAllowed):
        play >> ("clerk", Adjourn())


def test_the_next_item_ends_the_one_before(opened: Play) -> None:
    opened >> ("chair", StartItem("a1")) << (ItemStarted("a1", "chair"),)
    opened >> ("clerk", StartItem("a2")) << (ItemEnded("a1", "clerk"), ItemStarted("a2", "clerk"))
    opened >> ("clerk", StartItem("a2")) << ()
    (changed,) = [m for m in (opened >> ("clerk", EndItem())).heard("*") if isinstance(m, AgendaChanged)]
    assert changed.current_item is None
    assert [item.ended_at is not None for item in changed.agenda] == [True, True]


def test_an_item_that_is_not_on_the_agenda_cannot_start(opened: Play) -> None:
    with pytest.raises(NotFound, match="item_unknown"):
        opened >> ("chair", StartItem("a9"))


def test_adjourning_ends_all_that_is_under_way(opened: Play) -> None:
    opened >> ("chair", StartRecording()) >> ("chair", StartItem("a1")) >> ("chair", GiveFloor("north"))
    opened >> ("north", StartShare()) >> ("chair", Adjourn())
    recording = next(e.event.recording for e in opened.log if isinstance(e.event, RecordingStarted))
    opened << (
        ShareEnded("north", "chair"),
        FloorEnded("north", "chair", "adjourned"),
        ItemEnded("a1", "chair"),
        RecordingStopped(recording, "chair"),
        MeetingAdjourned("chair"),
        *(SiteLeft(site, "adjourned") for site in ("chair", "clerk", "north", "south", "guest")),
    )
    assert opened.room.state == "adjourned"
    assert opened.room.seated() == []


def test_nothing_is_done_in_a_meeting_that_is_over(opened: Play) -> None:
    opened >> ("chair", Adjourn())
    with pytest.raises(Exception, match="not_entered"):
        opened >> ("north", AskFloor())


def test_recording_is_started_and_stopped_once(opened: Play) -> None:
    opened >> ("clerk", StartRecording()) >> ("chair", StartRecording()) << ()
    assert opened.room.recording is not None
    recording = opened.room.recording.id
    opened >> ("chair", StopRecording()) << (RecordingStopped(recording, "chair"),)
    opened >> ("chair", StopRecording()) << ()
    with pytest.raises(NotAllowed):
        opened >> ("north", StartRecording())


def test_a_delegate_shares_only_with_the_floor(opened: Play) -> None:
    with pytest.raises(WrongMoment, match="floor_not_held"):
        opened >> ("north", StartShare())
    opened >> ("chair", GiveFloor("north")) >> ("north", StartShare()) << (ShareStarted("north"),)
    assert opened.room.stage() == ("north", "screen")
    opened >> ("clerk", StartShare()) << (ShareEnded("north", "clerk"), ShareStarted("clerk"))
    with pytest.raises(WrongMoment, match="share_taken"):
        opened >> ("north", StartShare())
    opened >> ("clerk", EndShare()) << (ShareEnded("clerk", "clerk"),)
    assert opened.room.stage() == ("north", "camera")


def test_the_chair_is_on_the_stage_when_nobody_has_the_floor(opened: Play) -> None:
    assert opened.room.stage() == ("chair", "camera")
