from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from office import Office, open_office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """A running installation; from here on nothing may block its loop."""
    async with open_office(tmp_path) as office:
        with blockbuster_ctx():
            yield office
