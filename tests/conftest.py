"""What holds for every test: how Hypothesis looks for examples, and which files are taken up first."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("whatever the machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the machine")

LONG = (
    "tests/journey/test_pages.py",
    "tests/journey/test_kill.py",
    "tests/net/test_through.py",
    "tests/journey/test_journey.py",
    "tests/journey/",
    "tests/clients/",
    "tests/test_product.py",
    "tests/doors/",
    "tests/recordings/test_",
    "tests/net/",
    "tests/bench/",
    "tests/signaling/",
    "tests/media/",
)
"""What takes longest: begun last, it would be waited for by all other workers."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((place for place, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))

    items.sort(key=place)
