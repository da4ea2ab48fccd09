"""What the routes work with; ``server.py`` fills it in once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from media.fleet import Fleet
from meetings.tickets import Tickets
from minutes.ports import FilmTime, NoFilm
from store.chain import Chain
from store.database import Database
from web.passwords import Passwords
from web.ports import Rooms

if TYPE_CHECKING:
    from store.files import Files
    from store.jobs import Jobs


@dataclass(frozen=True)
class Deps:
    """``base_url`` is what invitations carry; ``origin`` is where state-changing requests must come from.

    ``film`` tells minutes where their moments lie in the film. ``metrics_token`` lets monitoring in from elsewhere.
    """

    database: Database
    chain: Chain
    tickets: Tickets
    jobs: Jobs
    files: Files
    rooms: Rooms
    var: Path
    base_url: str
    origin: str
    secure: bool
    now: Callable[[], datetime]
    film: FilmTime = field(default_factory=NoFilm)
    relays: Fleet = field(default_factory=lambda: Fleet(""))
    metrics_token: str | None = None


DEPS = web.AppKey("deps", Deps)
PASSWORDS = web.AppKey("passwords", Passwords)
