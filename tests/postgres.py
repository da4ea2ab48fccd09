"""A PostgreSQL server of our own for tests: started once, on a free loopback port, gone with the test process."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from concurrent.futures import Future
from functools import cache
from pathlib import Path

import pytest

from store.database import Database


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


@cache
def _server() -> int:
    """The port of a running server. Skips the test where Debian's ``postgresql`` is not installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("postgresql is not installed")
    folder = Path(tempfile.mkdtemp(prefix="nghisu-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    become = ["setpriv", "--pdeathsig", "TERM"]
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        become += ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    data = folder / "data"
    subprocess.run(
        [*become, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "--no-locale"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
    command = [*become, binaries / "postgres", "-D", data, "-p", str(port), *(f"--{k}={v}" for k, v in options.items())]
    server = _kept_by_a_thread(command, folder)

    def stop() -> None:
        server.send_signal(2)
        server.wait(10)

    atexit.register(stop)
    deadline = time.monotonic() + 30
    while subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode:
        if time.monotonic() > deadline or server.poll() is not None:
            raise RuntimeError("PostgreSQL did not start")
        time.sleep(0.1)
    return port


def _kept_by_a_thread(command: list[str | Path], folder: Path) -> subprocess.Popen[bytes]:
    """Starts a process that ends with this one (PR_SET_PDEATHSIG). What counts as its parent is the thread that started
    it, and whoever asks for a database may do so in a thread that soon ends: so a thread of its own stays with it."""
    started: Future[subprocess.Popen[bytes]] = Future()

    def stay() -> None:
        try:
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as process:
                started.set_result(process)
        except OSError as error:
            started.set_exception(error)

    threading.Thread(target=stay, name="postgresql", daemon=True).start()
    return started.result()


def fresh_url() -> str:
    """The address of a new, empty database."""
    port, name = _server(), f"t{uuid.uuid4().hex}"
    binaries = _binaries()
    assert binaries is not None
    made = subprocess.run(
        [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", name],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return f"postgresql+asyncpg://postgres@127.0.0.1:{port}/{name}"


def open_database(url: str) -> Database:
    """``sqlite:<folder>`` or a PostgreSQL address."""
    kind, _, rest = url.partition(":")
    return Database.embedded(Path(rest)) if kind == "sqlite" else Database.at(url)
