from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from store.base import Base
from store.database import Database
from store.files import FileRow, Files


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    database = Database.embedded(tmp_path / "db")
    async with database.rows.begin() as connection:
        await connection.run_sync(Base.metadata.create_all, tables=[FileRow.__table__])
    yield database
    await database.close()


@pytest.fixture
def files(database: Database, tmp_path: Path) -> Files:
    return Files(database, tmp_path / "files")


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "Biên bản.pdf"
    path.write_bytes(os.urandom(3_000_000))
    return path


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


async def test_a_kept_file_has_its_size_its_digest_and_its_bytes(files: Files, database: Database, paper: Path) -> None:
    async with database.begin() as session:
        row = await files.keep(
            session, meeting="m1", kind="minutes", name=paper.name, media_type="application/pdf", source=paper
        )
    assert row.bytes == 3_000_000
    assert row.sha256 == hashlib.sha256(bytes_of(paper)).hexdigest()
    assert bytes_of(files.path(row)) == bytes_of(paper)
    assert [found.id for found in await files.of("m1")] == [row.id]
    assert await files.of("m2") == []


async def test_one_changed_byte_is_noticed(files: Files, database: Database, paper: Path) -> None:
    async with database.begin() as session:
        row = await files.keep(
            session, meeting="m1", kind="minutes", name=paper.name, media_type="application/pdf", source=paper
        )
    assert files.verify(row)
    with files.path(row).open("r+b") as file:
        file.seek(1_234_567)
        byte = file.read(1)[0]
        file.seek(1_234_567)
        file.write(bytes([byte ^ 1]))
    assert not files.verify(row)


async def test_a_file_that_is_gone_does_not_verify(files: Files, database: Database, paper: Path) -> None:
    async with database.begin() as session:
        row = await files.keep(
            session, meeting="m1", kind="minutes", name=paper.name, media_type="application/pdf", source=paper
        )
    files.path(row).unlink()
    assert not files.verify(row)


async def test_a_rolled_back_transaction_registers_nothing(files: Files, database: Database, paper: Path) -> None:
    async def keep_and_fail() -> None:
        async with database.begin() as session:
            await files.keep(session, meeting="m1", kind="track", name="a.mkv", media_type="video/webm", source=paper)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await keep_and_fail()
    assert await files.of("m1") == []


async def test_a_job_that_runs_twice_leaves_one_file(files: Files, database: Database, paper: Path) -> None:
    for _ in range(2):
        placed = await files.place(
            meeting="m1", kind="film", name="f.mp4", media_type="video/mp4", source=paper, id="r1", share=True
        )
        async with database.begin() as session:
            await files.register(session, placed)
    rows = await files.of("m1")
    assert [row.id for row in rows] == ["r1"]
    assert files.verify(rows[0])
    assert files.path(rows[0]).samefile(paper)
