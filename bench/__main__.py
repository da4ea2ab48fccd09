"""``.venv/bin/python -m bench NAME [--quick] [--json]``: a table, or one JSON object per case on standard output."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Iterator
from typing import Any, Protocol, cast

NAMES = ("join",)


class Bench(Protocol):
    def cases(self, *, quick: bool) -> Iterator[dict[str, Any]]:
        """One mapping per case: ``case`` and its figures, units in the names. ``quick`` ends within 40 s."""
        ...


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, at most 40 s")
    parser.add_argument("--json", action="store_true", help="one JSON object per case")
    given = parser.parse_args()
    bench = cast("Bench", importlib.import_module(f"bench.{given.name}"))
    for number, case in enumerate(bench.cases(quick=given.quick)):
        if given.json:
            print(json.dumps(case), flush=True)
            continue
        if number == 0:
            print("  ".join(f"{name:>16}" for name in case))
        print("  ".join(f"{value:>16.1f}" if isinstance(value, float) else f"{value!s:>16}" for value in case.values()))


if __name__ == "__main__":
    main()
