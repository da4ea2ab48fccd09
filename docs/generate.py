"""Writes the files that follow from the code; ``--check`` fails when one is out of date.

Run as ``python -m docs.generate``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.typescript import generate
from meetings import meeting
from minutes import content, state
from settings import Settings
from signaling import protocol
from web.models import accounts, archive, meetings, minutes, problem, system, units

ROOT = Path(__file__).parent.parent


def state_diagram() -> str:
    return (
        _diagram("The life of a meeting", meeting.TRANSITIONS)
        + "\n"
        + _diagram("The life of minutes", state.TRANSITIONS)
    )


def _diagram(title: str, transitions: Mapping[Any, Mapping[Any, Any]]) -> str:
    arrows = [f"    {a} --> {b}: {act}" for a, acts in transitions.items() for act, b in acts.items()]
    return "\n".join([f"# {title}", "", "```mermaid", "stateDiagram-v2", *arrows, "```", ""])


def settings_page() -> str:
    rows = [
        f"| `NGHISU_{name.upper()}` | {field.description} | {'' if field.default is None else f'`{field.default}`'} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["# Settings", "", "| variable | meaning | default |", "|---|---|---|", *rows, ""])


def files() -> Mapping[Path, str]:
    """Every generated file and what it should hold."""
    client = ROOT / "web" / "client" / "src"
    return {
        client / "protocol.ts": generate([protocol]),
        client / "api.ts": generate([problem, accounts, units, meetings, archive, content, minutes, system]),
        ROOT / "docs" / "states.md": state_diagram(),
        ROOT / "docs" / "settings.md": settings_page(),
    }


def main() -> int:
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"out of date: {path.relative_to(ROOT)} (run `make generate`)", file=sys.stderr)
        return bool(stale)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files()[path])
        print(f"written: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
