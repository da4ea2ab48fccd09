"""Every table of the code, by the part of the installation that holds it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from sqlalchemy import MetaData

from store.base import Base

MODULES = (
    "documents.numbering",
    "meetings.tables",
    "minutes.tables",
    "recordings.tables",
    "scheduler.tables",
    "store.chain",
    "store.files",
    "store.watch",
    "web.tables",
)
LOG = frozenset({"events"})
"""Tables of the event log; the others are rows."""


def tables_of(parts: Iterable[str]) -> MetaData:
    """The tables of *rows*, of *log*, or of both."""
    for module in MODULES:
        import_module(module)
    chosen = MetaData(naming_convention=Base.metadata.naming_convention)
    wanted = set(parts)
    for table in Base.metadata.sorted_tables:
        if ("log" if table.name in LOG else "rows") in wanted:
            table.to_metadata(chosen)
    return chosen
