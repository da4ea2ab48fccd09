from __future__ import annotations

from itertools import accumulate
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from recordings import journal
from recordings.journal import Begun, Closed, Missing, Opened, Pair, Stopped, Told
from recordings.take import take_up

LINES = [
    Begun("m1", "m1-2", "boot", 5_000_000),
    Pair(1_000_000, 0),
    Opened("a.camera.1.mkv", "a.camera", "a", "camera", "video/VP8", 12),
    Pair(2_000_000, 1_000),
    Missing(1, "a.camera", 500, 300, "recorder"),
    Missing(2, "a.camera", 900, 200, "relay"),
    Told(1),
    Closed("a.camera.1.mkv", 1_400, "recorder"),
    Stopped(1_500),
]


def test_a_journal_says_again_what_was_written_into_it(tmp_path: Path) -> None:
    for line in LINES:
        journal.append(tmp_path / journal.NAME, journal.encode([line]))
    kept = journal.load(tmp_path)
    assert kept
    assert kept.begun == LINES[0]
    assert [pair.media for pair in kept.pairs] == [0, 1_000]
    assert [file.file for file in kept.files] == ["a.camera.1.mkv"]
    assert kept.closed["a.camera.1.mkv"].torn == "recorder"
    assert [gap.number for gap in kept.gaps] == [1, 2]
    assert [gap.number for gap in kept.untold] == [2]
    assert (kept.stopped, kept.length) == (1_500, 1_500)


def test_without_a_stop_the_last_pair_is_the_length() -> None:
    kept = journal.read(journal.encode(LINES[:-1]))
    assert kept
    assert (kept.stopped, kept.length) == (None, 1_000)


def test_a_line_that_a_kill_tore_is_ended_and_ignored(tmp_path: Path) -> None:
    path = tmp_path / journal.NAME
    path.write_bytes(journal.encode(LINES[:3]) + b'{"kind":"pair","utc_us":12')
    journal.append(path, journal.encode(LINES[3:4]))
    kept = journal.load(tmp_path)
    assert kept
    assert [pair.media for pair in kept.pairs] == [0, 1_000]


def test_where_there_is_no_journal_nothing_began(tmp_path: Path) -> None:
    assert journal.load(tmp_path) is None
    assert journal.read(b"") is None


@given(st.integers(0, len(journal.encode(LINES))))
def test_a_journal_cut_off_anywhere_keeps_its_whole_lines(cut: int) -> None:
    data = journal.encode(LINES)
    kept = journal.read(data[:cut])
    ends = list(accumulate(len(journal.encode([line])) for line in LINES))
    whole = sum(cut >= end - 1 for end in ends)
    assert (kept is None) == (whole == 0)
    if kept:
        assert len(kept.pairs) == sum(isinstance(line, Pair) for line in LINES[:whole])


def test_media_time_zero_is_kept_on_the_same_boot_and_rebuilt_by_utc_on_another() -> None:
    before = journal.read(journal.encode(LINES[:-1]))
    assert take_up(None, "boot", 7_000_000, 0) == 7_000_000
    assert take_up(before, "boot", 9_000_000, 0) == 5_000_000
    later = 2_000_000 + 60_000_000
    assert take_up(before, "another", 9_000_000, later) == 9_000_000 - 1_000_000 - 60_000_000
    assert take_up(before, "another", 9_000_000, 0) == 9_000_000 - 1_000_000
    assert take_up(before, "", 9_000_000, 0) == 9_000_000 - 1_000_000
