"""The report of a verification in words, Vietnamese first; and the command ``verify MEETING`` that prints it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO

from documents.wording import moment
from meetings.errors import NotFound
from minutes.verify import Finding, Part, Reason, Report, verify
from store.chain import Chain
from store.database import Database
from store.files import Files

Language = Literal["vi", "en"]
WHOLE, BROKEN, UNKNOWN = 0, 1, 2

_PARTS: Mapping[Language, Mapping[Part, str]] = {
    "vi": {
        "log": "nhật ký cuộc họp",
        "event": "sự kiện {}",
        "minutes": "biên bản, lần sửa {}",
        "file": "tệp {}",
        "database": "cơ sở dữ liệu",
    },
    "en": {
        "log": "the log",
        "event": "event {}",
        "minutes": "minutes, revision {}",
        "file": "file {}",
        "database": "the database",
    },
}
_REASONS: Mapping[Language, Mapping[Reason, str]] = {
    "vi": {
        "missing": "bị mất",
        "changed": "đã bị sửa",
        "size": "sai kích thước",
        "unsealed": "không còn dấu niêm phong",
        "unregistered": "không còn trong sổ tệp",
        "unreadable": "không đọc được",
        "no_evidence": "dẫn chiếu sự kiện không còn trong nhật ký",
    },
    "en": {
        "missing": "is missing",
        "changed": "was changed",
        "size": "has the wrong size",
        "unsealed": "has lost its seal",
        "unregistered": "is no longer registered",
        "unreadable": "cannot be read",
        "no_evidence": "refers to events that are no longer in the log",
    },
}


def sentence(finding: Finding, language: Language) -> str:
    """*Sự kiện 12: đã bị sửa* or *Event 12 was changed*."""
    part = _PARTS[language][finding.part].format(finding.name)
    joint = ": " if language == "vi" else " "
    return f"{part[0].upper()}{part[1:]}{joint}{_REASONS[language][finding.reason]}"


def printed(report: Report) -> str:
    """The whole report, every line in both languages."""
    lines = [
        f"Cuộc họp / meeting: {report.title or '—'} ({report.meeting})",
        f"Kiểm tra lúc / checked at: {moment(report.checked_at)}",
        f"Đã kiểm tra / checked: {report.events} sự kiện / events, {report.revisions} lần sửa biên bản / revisions, "
        f"{report.files} tệp / files",
    ]
    if report.whole:
        lines.append("TOÀN VẸN: không có gì bị thay đổi / WHOLE: nothing was changed")
    else:
        lines.append(f"KHÔNG TOÀN VẸN / BROKEN: {len(report.findings)}")
        lines += [f"  - {sentence(finding, 'vi')} / {sentence(finding, 'en')}" for finding in report.findings]
    return "\n".join(lines) + "\n"


async def verify_command(database: Database, chain: Chain, files: Files, meeting: str, out: TextIO = sys.stdout) -> int:
    """Prints the report and returns the exit status: 0 whole, 1 broken, 2 for a meeting that is not known."""
    try:
        report = await verify(database, chain, files, meeting, datetime.now(UTC))
    except NotFound:
        out.write(f"Không có cuộc họp này / no such meeting: {meeting}\n")
        return UNKNOWN
    out.write(printed(report))
    return WHOLE if report.whole else BROKEN
