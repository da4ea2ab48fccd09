"""``.venv/bin/python -m bench NAME [--quick] [--json]``: a table, or one JSON object per case on standard output."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
from collections.abc import Iterator
from typing import Any, Protocol, cast, runtime_checkable

NAMES = ("join", "forward", "transit", "joins", "soak", "networks")


class Bench(Protocol):
    def cases(self, *, quick: bool) -> Iterator[dict[str, Any]]:
        """One mapping per case: ``case`` and its figures, units in the names. ``quick`` ends within 40 s."""
        ...


@runtime_checkable
class Cased(Protocol):
    """A bench that can run one of its cases alone: ``cases`` takes its name as ``only``."""

    def names(self) -> list[str]: ...


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, at most 40 s")
    parser.add_argument("--json", action="store_true", help="one JSON object per case")
    parser.add_argument("--case", help="one case alone, by its name (networks)")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bench = cast("Bench", importlib.import_module(f"bench.{given.name}"))
    wishes: dict[str, Any] = {"quick": given.quick}
    if given.case:
        names: list[str] = bench.names() if isinstance(bench, Cased) else []
        if given.case not in names:
            parser.error(f"{given.name} has these cases: {', '.join(names) or 'none by name'}")
        wishes["only"] = given.case
    for number, case in enumerate(bench.cases(**wishes)):
        if given.json:
            print(json.dumps(case), flush=True)
            continue
        row = {name: value for name, value in case.items() if not isinstance(value, list)}
        if number == 0:
            print("  ".join(f"{name:>16}" for name in row))
        print("  ".join(f"{value:>16.1f}" if isinstance(value, float) else f"{value!s:>16}" for value in row.values()))


if __name__ == "__main__":
    main()
