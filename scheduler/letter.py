"""The words of an invitation: subject, plain text and HTML (Decision 45/2018/QĐ-TTg, Art. 10). Pure.

The sentences stand in ``catalogs/<language>.json``; what people wrote enters HTML escaped, and subjects on one line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Literal

from documents import wording
from meetings.working_days import VIETNAM
from scheduler.edition import Edition, Recipient
from scheduler.plan import Method

Language = Literal["vi", "en"]
Purpose = Literal["request", "update", "cancel", "withdraw"]

CATALOGS: dict[Language, dict[str, str]] = {
    language: json.loads((Path(__file__).parent / "catalogs" / f"{language}.json").read_text("utf-8"))
    for language in ("vi", "en")
}

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Letter:
    """``summary`` is what the calendar entry says; ``label`` names the link there."""

    subject: str
    text: str
    html: str
    summary: str
    label: str


def purpose_of(method: Method, edition: Edition, *, follows: bool) -> Purpose:
    """``follows``: the recipient holds an earlier invitation to the same meeting."""
    if method == "CANCEL":
        return "cancel" if edition.cancelled else "withdraw"
    return "update" if follows else "request"


def compose(edition: Edition, recipient: Recipient, purpose: Purpose, link: str, language: Language = "vi") -> Letter:
    """``link`` is the personal address of the join page; a cancellation shows none."""
    say = _Words(language)
    rows = _rows(edition, recipient, purpose, say)
    subject = one_line(say("subject." + purpose, title=edition.title, when=_short(edition.starts_at)))
    heading, lead = say("heading." + purpose), say("lead." + purpose, body=edition.body)
    invites = purpose in {"request", "update"}
    note = say("link.note", site=recipient.site_name) if invites else ""
    signature = [line for line in (edition.signer_title, edition.signer_name) if line]

    facts = "\n".join(f"{label}: {value}" if "\n" not in value else f"{label}:\n{value}" for label, value in rows)
    door = f"{say('link')}\n{link}\n{note}" if invites else ""
    text = "\n\n".join(part for part in (heading, lead, facts, door, "\n".join(signature), say("automatic")) if part)
    summary = "\n\n".join(part for part in (lead, facts, door) if part)
    html = _PAGE.substitute(
        language=language,
        subject=escape(subject),
        heading=escape(heading),
        lead=escape(lead),
        rows="".join(_ROW.substitute(label=escape(label), value=_lines(value)) for label, value in rows),
        door=_DOOR.substitute(link=escape(link), button=escape(say("button")), note=escape(note)) if invites else "",
        signature=_lines("\n".join(signature)),
        automatic=escape(say("automatic")),
    )
    return Letter(subject, text + "\n", html, summary, one_line(say("event.label", site=recipient.site_name)))


def one_line(text: str) -> str:
    """Without line ends and control characters: nothing that people wrote may begin a header of its own."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _rows(edition: Edition, recipient: Recipient, purpose: Purpose, say: _Words) -> list[tuple[str, str]]:
    """What the letter states, in the order of the decision."""
    start, end = say.moment(edition.starts_at), say.hour(edition.ends_at)
    guest = say("invited.person", person=recipient.person, site=recipient.site_name)
    rows = [
        (say("invited"), guest if recipient.person else recipient.site_name),
        (say("title"), edition.title),
        (say("chair"), edition.chair),
        (say("time"), say("time.range", start=start, end=end)),
        (say("place"), say("place.online", place=edition.place, site=recipient.site_name)),
    ]
    if purpose in {"request", "update"}:
        items = [
            say("agenda.item", number=number, title=item.title, minutes=item.minutes)
            for number, item in enumerate(edition.agenda, 1)
        ]
        rows += [
            (say("role"), say(f"role.{recipient.role}")),
            (say("agenda"), "\n".join(items)),
            (say("ask"), edition.request),
        ]
    else:
        rows.append((say("reason"), edition.reason))
    rows.append((say("contact"), edition.contact))
    return [(label, value.strip()) for label, value in rows if value.strip()]


class _Words:
    def __init__(self, language: Language) -> None:
        self._language, self._catalog = language, CATALOGS[language]

    def __call__(self, key: str, **facts: str | int) -> str:
        return self._catalog[key].format(**facts)

    def moment(self, at: datetime) -> str:
        if self._language == "vi":
            return wording.appointment(at)
        local = at.astimezone(VIETNAM)
        day = f"{_DAYS[local.weekday()]}, {local.day} {_MONTHS[local.month - 1]} {local.year}"
        return f"{local:%H:%M}, {day}, Vietnam time"

    def hour(self, at: datetime) -> str:
        return wording.hour(at) if self._language == "vi" else f"{at.astimezone(VIETNAM):%H:%M}"


def _short(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.splitlines())


_PAGE = Template("""\
<!doctype html>
<html lang="$language">
<head><meta charset="utf-8"><title>$subject</title></head>
<body style="margin:0;background:#f6f8fa;color:#14202b;font:18px/1.55 'Segoe UI',Arial,sans-serif">
<main style="max-width:680px;margin:0 auto;padding:24px;background:#ffffff">
<h1 style="margin:0 0 16px;font-size:24px;line-height:1.3">$heading</h1>
<p style="margin:0 0 16px">$lead</p>
<table style="border-collapse:collapse;width:100%;font-size:18px">
$rows</table>
$door<p style="margin:24px 0 0;font-weight:bold">$signature</p>
<p style="margin:24px 0 0;color:#46535f;font-size:16px">$automatic</p>
</main>
</body>
</html>
""")

_ROW = Template("""\
<tr><th scope="row" style="padding:6px 16px 6px 0;width:9em;text-align:left;vertical-align:top;color:#46535f;\
font-weight:normal">$label</th><td style="padding:6px 0;vertical-align:top">$value</td></tr>
""")

_DOOR = Template("""\
<p style="margin:24px 0 12px"><a href="$link" style="display:inline-block;padding:14px 24px;border-radius:10px;\
background:#0b4f7d;color:#ffffff;font-weight:bold;text-decoration:none">$button</a></p>
<p style="margin:0;color:#46535f;font-size:16px">$note</p>
<p style="margin:8px 0 0;font-size:16px;word-break:break-all"><a href="$link" style="color:#0b4f7d">$link</a></p>
""")
