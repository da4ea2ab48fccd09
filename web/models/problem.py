from __future__ import annotations

from msgspec import Struct


class Problem(Struct, frozen=True):
    """Why a request was refused: a stable code and the facts that fill its sentence."""

    code: str
    facts: dict[str, str | int]
