"""What can go wrong, in the words of the meeting.

* ``MeetingError``
    * ``NotAllowed``    the role may not do this act
    * ``WrongMoment``   the act is known, but not now
    * ``NotFound``      no such meeting, site, person, unit or file
    * ``Invalid``       a value is missing or out of its range
    * ``Conflict``      somebody else changed it first
    * ``Refused``       the law or the body's rules forbid it
    * ``Unavailable``   a part of the system does not answer now

Each carries a stable ``code`` for programs and ``facts`` for the sentence shown to people; only the doors
(``web/errors.py``, ``signaling/namespace.py``) know status numbers.
"""

from __future__ import annotations


class MeetingError(Exception):
    """Anything that the meeting refuses. ``code`` is stable; ``facts`` fill the sentence of that code."""

    code = "meeting_error"

    def __init__(self, code: str | None = None, **facts: str | int) -> None:
        self.code = code or type(self).code
        self.facts = facts
        super().__init__(self.code, facts)


class NotAllowed(MeetingError):
    code = "not_allowed"


class WrongMoment(MeetingError):
    code = "wrong_moment"


class NotFound(MeetingError):
    code = "not_found"


class Invalid(MeetingError):
    """A value is missing or out of its range; ``facts["field"]`` names it."""

    code = "invalid"


class Conflict(MeetingError):
    code = "conflict"


class Refused(MeetingError):
    code = "refused"


class Unavailable(MeetingError):
    code = "unavailable"
