"""The two commands keep their promises to whoever runs the product."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from bench.product import Product


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_ready_prints_its_address_and_ends_with_no_process_left(tmp_path: Path, ending: int) -> None:
    product = Product(tmp_path / "var").wait_ready()
    children = product.children()
    assert len(children) == 3 + max(2, len(os.sched_getaffinity(0)))
    assert any(product.url in line for line in product.output)
    assert product.first_link is not None
    assert product.stop(ending) == 0
    assert all(gone(pid) for pid in children)


def test_when_the_supervisor_is_killed_its_children_end(tmp_path: Path) -> None:
    product = Product(tmp_path / "var").wait_ready()
    children = product.children()
    product.process.kill()
    product.process.wait()
    end = time.monotonic() + 60
    while not all(gone(pid) for pid in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert all(gone(pid) for pid in children)
    product.stop()


def test_two_installations_run_side_by_side(tmp_path: Path) -> None:
    one, two = Product(tmp_path / "one"), Product(tmp_path / "two")
    try:
        one.wait_ready()
        two.wait_ready()
    finally:
        assert (one.stop(), two.stop()) == (0, 0)


def test_a_port_that_is_taken_is_said_in_a_sentence_and_ends_the_start(tmp_path: Path) -> None:
    one = Product(tmp_path / "one").wait_ready()
    two = Product(tmp_path / "two", NGHISU_PORT=str(one.port))
    try:
        assert two.process.wait(60) == 3
        two._reader.join(5)
        assert any("cannot run" in line for line in two.output), two.output
        assert not any("Traceback" in line for line in two.output)
    finally:
        two.stop()
        one.stop()


def test_off_loopback_it_speaks_https_and_the_relay_announces_that_address(tmp_path: Path) -> None:
    product = Product(tmp_path / "var", host="127.0.0.2").wait_ready()
    try:
        assert product.url.startswith("https://127.0.0.2:")
        assert any(product.url in line for line in product.output)
        assert any("announced as 127.0.0.2" in line for line in product.output)
    finally:
        assert product.stop() == 0
