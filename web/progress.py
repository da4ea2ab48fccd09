"""How far the papers and the film of meetings are, asked of the rooms that keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from minutes.tables import MinutesRow
from recordings.tables import RecordingRow

MinutesState = Literal["none", "draft", "submitted", "approved"]
RecordingState = Literal["none", "recording", "composing", "ready", "failed"]


@dataclass(frozen=True)
class Progress:
    minutes: MinutesState = "none"
    recording: RecordingState = "none"


async def progress_of(database: AsyncSession, meetings: Sequence[str]) -> dict[str, Progress]:
    """By meeting id; every asked meeting is there. Of several recordings the last one speaks."""
    latest = (
        select(MinutesRow.meeting, func.max(MinutesRow.revision).label("revision"))
        .where(MinutesRow.meeting.in_(meetings))
        .group_by(MinutesRow.meeting)
        .subquery()
    )
    minutes = await database.execute(
        select(MinutesRow.meeting, MinutesRow.state).join(
            latest, and_(MinutesRow.meeting == latest.c.meeting, MinutesRow.revision == latest.c.revision)
        )
    )
    written: dict[str, MinutesState] = {row[0]: _minutes(row[1]) for row in minutes}
    recordings = await database.execute(
        select(RecordingRow.meeting, RecordingRow.state)
        .where(RecordingRow.meeting.in_(meetings))
        .order_by(RecordingRow.started_at)
    )
    recorded: dict[str, RecordingState] = {row[0]: _recording(row[1]) for row in recordings}
    return {meeting: Progress(written.get(meeting, "none"), recorded.get(meeting, "none")) for meeting in meetings}


def _minutes(state: str) -> MinutesState:
    match state:
        case "draft" | "submitted" | "approved":
            return state
        case other:
            raise ValueError(other)


def _recording(state: str) -> RecordingState:
    match state:
        case "recording" | "composing" | "ready" | "failed":
            return state
        case other:
            raise ValueError(other)
