"""One changed byte is named, in a row or in a file; so is what was removed. Through the command, on real databases."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import sqlite3
import sys
from pathlib import Path

import pytest
from minutes_story import CHAIRMAN, SECRETARY, add_meeting, clock, whole_story, write_log

from minutes.verify import Finding, last_check, verify
from minutes.verify_words import sentence, verify_command
from minutes.watch import MinutesFollowLog

END = len(whole_story().entries)


@pytest.fixture
async def approved(office):
    """The meeting with approved minutes and a film."""
    await MinutesFollowLog(office.book)("m1", await office.chain.read("m1"))
    film = office.folder / "film.mp4"
    film.write_bytes(bytes(range(256)) * 4096)
    async with office.database.begin() as session:
        await office.files.keep(
            session, meeting="m1", kind="film", name="film.mp4", media_type="video/mp4", source=film
        )
    await office.book.submit("m1", SECRETARY)
    await office.approval.approve("m1", CHAIRMAN)
    return office


async def checked(office, meeting: str = "m1") -> tuple[int, str]:
    out = io.StringIO()
    status = await verify_command(office.database, office.chain, office.files, meeting, out)
    return status, out.getvalue()


async def findings(office) -> tuple[Finding, ...]:
    return (await verify(office.database, office.chain, office.files, "m1", clock("12:00"))).findings


def edit(office, base: str, statement: str, *values: object) -> int:
    """Changes a database file behind the product's back. Returns how many rows it touched."""
    connection = sqlite3.connect(office.folder / "db" / f"{base}.db")
    try:
        with connection:
            return connection.execute(statement, values).rowcount
    finally:
        connection.close()


def place_of(office, name: str) -> Path:
    connection = sqlite3.connect(office.folder / "db" / "app.db")
    try:
        (key,) = connection.execute("SELECT key FROM files WHERE name = ?", (name,)).fetchone()
    finally:
        connection.close()
    return office.folder / "files" / key


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


async def test_what_was_not_touched_is_whole(approved):
    status, said = await checked(approved)
    assert status == 0
    assert "TOÀN VẸN" in said
    assert f"{END} sự kiện / events, 3 lần sửa biên bản / revisions, 2 tệp / files" in said


@pytest.mark.parametrize("seq", [1, 9, END])
async def test_one_changed_byte_of_an_event_is_named(approved, seq: int):
    assert edit(
        approved, "events",
        "UPDATE events SET payload = CAST(substr(payload, 1, length(payload) - 1) || '!' AS BLOB) WHERE seq = ?", seq,
    ) == 1  # fmt: skip
    status, said = await checked(approved)
    assert status == 1
    assert f"Sự kiện {seq}: đã bị sửa / Event {seq} was changed" in said


@pytest.mark.parametrize("column", ["at_us", "hash"])
async def test_a_changed_time_and_a_changed_hash_are_named(approved, column: str):
    change = {"at_us": "at_us + 1", "hash": "zeroblob(32)"}[column]
    edit(approved, "events", f"UPDATE events SET {column} = {change} WHERE seq = 9")
    assert Finding("event", "9", "changed") in await findings(approved)


async def test_a_removed_event_is_named(approved):
    edit(approved, "events", "DELETE FROM events WHERE seq = 9")
    status, said = await checked(approved)
    assert status == 1
    assert "Sự kiện 9: bị mất / Event 9 is missing" in said


async def test_a_removed_tail_is_named_though_what_is_left_holds(approved):
    edit(approved, "events", "DELETE FROM events WHERE seq > 18")
    assert await approved.chain.verify("m1") == []
    status, said = await checked(approved)
    assert status == 1
    assert f"Sự kiện {END}: bị mất" in said


async def test_a_tail_that_was_written_anew_is_named(approved):
    lines = await approved.chain.read("m1")
    edit(approved, "events", "DELETE FROM events WHERE seq > 18")
    await approved.chain.append("m1", 18, lines[17].hash, [(clock("11:00"), line.payload) for line in lines[18:]])
    assert await approved.chain.verify("m1") == []
    assert Finding("event", str(END), "changed") in await findings(approved)


async def test_a_log_that_vanished_is_named(approved):
    edit(approved, "events", "DELETE FROM events")
    found = await findings(approved)
    assert Finding("event", str(END), "missing") in found
    assert Finding("minutes", "3", "no_evidence") in found


async def test_a_seal_that_was_taken_off_is_named(approved):
    edit(approved, "app", "DELETE FROM seals WHERE chain = 'events'")
    assert await findings(approved) == (Finding("log", "*", "unsealed"),)


@pytest.mark.parametrize("name", ["film.mp4", "Biên bản 01-BB-VP.pdf"])
async def test_one_changed_byte_of_a_file_is_named(approved, name: str):
    flip(place_of(approved, name), 4711)
    status, said = await checked(approved)
    assert status == 1
    assert f"Tệp {name}: đã bị sửa / File {name} was changed" in said


async def test_a_file_cut_short_and_a_file_gone_are_named(approved):
    film, paper = place_of(approved, "film.mp4"), place_of(approved, "Biên bản 01-BB-VP.pdf")
    film.write_bytes(film.read_bytes()[:-1])
    paper.unlink()
    status, said = await checked(approved)
    assert status == 1
    assert "Tệp film.mp4: sai kích thước" in said
    assert "Tệp Biên bản 01-BB-VP.pdf: bị mất" in said


async def test_a_file_struck_from_the_register_is_named(approved):
    edit(approved, "app", "DELETE FROM files WHERE name = 'film.mp4'")
    assert await findings(approved) == (Finding("file", "film.mp4", "unregistered"),)


async def test_a_register_that_was_made_to_fit_a_changed_file_is_named(approved):
    flip(place_of(approved, "film.mp4"), 0)
    digest = hashlib.sha256(place_of(approved, "film.mp4").read_bytes()).hexdigest()
    edit(approved, "app", "UPDATE files SET sha256 = ? WHERE name = 'film.mp4'", digest)
    assert await findings(approved) == (Finding("file", "film.mp4", "changed"),)


async def test_one_changed_byte_of_the_approved_text_is_named(approved):
    edit(
        approved, "app",
        "UPDATE minutes SET content = CAST(replace(CAST(content AS TEXT), 'Sở Xây', 'Sở Tây') AS BLOB) "
        "WHERE revision = 3",
    )  # fmt: skip
    assert await findings(approved) == (Finding("minutes", "3", "changed"),)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE minutes SET number = '07/BB-VP' WHERE revision = 3", Finding("minutes", "3", "changed")),
        ("UPDATE minutes SET name = 'Khác' WHERE revision = 2", Finding("minutes", "2", "changed")),
        ("DELETE FROM minutes WHERE revision = 3", Finding("minutes", "3", "missing")),
        ("DELETE FROM minutes WHERE revision = 2", Finding("minutes", "3", "changed")),
    ],
)
async def test_the_history_of_the_minutes_is_held_like_the_log(approved, change: str, found: Finding):
    assert edit(approved, "app", change) == 1
    assert await findings(approved) == (found,)


async def test_a_database_that_cannot_be_read_is_a_finding_and_no_traceback(approved):
    edit(approved, "events", "ALTER TABLE events RENAME TO gone")
    status, said = await checked(approved)
    assert status == 1
    assert "Nhật ký cuộc họp: không đọc được / The log cannot be read" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [("payload = 'text'", "Sự kiện 9: đã bị sửa"), ("at_us = 'noon'", "Nhật ký cuộc họp: không đọc được")],
)
async def test_a_value_of_another_type_is_a_finding_and_no_traceback(approved, change: str, words: str):
    edit(approved, "events", f"UPDATE events SET {change} WHERE seq = 9")
    status, said = await checked(approved)
    assert status == 1
    assert words in said


async def test_a_meeting_that_is_not_known_has_a_status_of_its_own(approved):
    status, said = await checked(approved, "nowhere")
    assert status == 2
    assert "nowhere" in said


async def test_a_meeting_before_its_minutes_is_checked_by_its_chain(office):
    assert (await checked(office))[0] == 0
    edit(office, "events", "UPDATE events SET at_us = at_us + 1 WHERE seq = 2")
    assert (await checked(office))[0] == 1


async def test_another_meeting_of_the_same_office_stays_whole(approved):
    await add_meeting(approved.database, "m2")
    await write_log(approved.chain, whole_story().entries, "m2")
    edit(approved, "events", "DELETE FROM events WHERE meeting = 'm1' AND seq = 9")
    assert (await checked(approved, "m2"))[0] == 0


async def test_the_last_check_is_kept_for_the_archive(approved):
    async with approved.database.begin() as session:
        assert await last_check(session, "m1") is None
    await checked(approved)
    edit(approved, "events", "DELETE FROM events WHERE seq = 9")
    await verify(approved.database, approved.chain, approved.files, "m1", clock("13:00"))
    async with approved.database.begin() as session:
        kept = await last_check(session, "m1")
    assert (kept.checked_at, kept.whole) == (clock("13:00"), False)
    assert Finding("event", "9", "missing") in kept.findings


def test_every_finding_has_a_sentence_in_both_languages():
    finding = Finding("file", "film.mp4", "size")
    assert sentence(finding, "vi") == "Tệp film.mp4: sai kích thước"
    assert sentence(finding, "en") == "File film.mp4 has the wrong size"
    assert sentence(Finding("database", "*", "unreadable"), "vi") == "Cơ sở dữ liệu: không đọc được"


async def test_the_command_line_says_it_with_its_exit_status(approved):
    await approved.database.close()

    async def run(meeting: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "server.py", "verify", meeting,
            cwd=Path(__file__).parents[2], env={**os.environ, "NGHISU_VAR": str(approved.folder)},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 180)
        return process.returncode, said.decode()

    assert (await run("m1"))[0] == 0
    assert (await run("nowhere"))[0] == 2
    edit(approved, "events", "UPDATE events SET payload = payload || ' ' WHERE seq = 9")
    status, said = await run("m1")
    assert status == 1
    assert "Sự kiện 9: đã bị sửa" in said
