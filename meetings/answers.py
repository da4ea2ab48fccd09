"""What an invited site answers: it comes, it does not, or somebody comes in its place (Decision 45, Art. 15)."""

from __future__ import annotations

from datetime import datetime

from meetings.convene import Answer, check_answer
from meetings.meeting import State
from meetings.tables import Meeting, Site


def give(meeting: Meeting, site: Site, answer: Answer, *, substitute_name: str, note: str, now: datetime) -> bool:
    """Writes the answer into the site's row; a later one replaces it. Tells whether somebody else now speaks for it.

    Raises ``WrongMoment`` *not_answerable* and ``Invalid`` *substitute_name_needed*.
    """
    check_answer(State(meeting.state), answer, substitute_name)
    substitute = substitute_name.strip() if answer == "substitute" else ""
    changed = substitute != site.substitute_name
    site.answer, site.substitute_name, site.answer_note, site.answered_at = answer, substitute, note.strip(), now
    return changed
