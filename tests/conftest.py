"""What holds for every test: how Hypothesis looks for examples, and which files a worker takes up first."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("whatever the machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the machine")

LONG = ("tests/journey/", "tests/doors/", "tests/recordings/", "tests/test_product.py", "tests/bench/")
"""Files that take long, for they wait for a whole product: begun last, they would be waited for by everybody."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
