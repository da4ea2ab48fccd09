"""The product as an operator starts it: ``server.py up`` in a folder of its own, on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE = 180.0
TRUSTING = ssl._create_unverified_context()  # pyright: ignore[reportPrivateUsage]
"""Offices of the network get a certificate that the product made itself."""


def free_port() -> int:
    """A TCP port on which nobody listens, nor on the media ports of the relays, which are 1000 above."""
    for _ in range(50):
        with contextlib.ExitStack() as stack:
            tcp = stack.enter_context(socket.socket())
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            if port > 60000:
                continue
            try:
                for number in range(len(os.sched_getaffinity(0))):
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        taken = stack.enter_context(socket.socket(type=kind))
                        taken.bind(("127.0.0.1", port + 1000 + number))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class Product:
    """Runs until ``stop``. ``url`` is its address, ``first_link`` the first administrator's, once printed."""

    def __init__(self, var: Path, *, host: str = "127.0.0.1", **settings: str) -> None:
        self.var, self.port = var, free_port()
        self.url = f"{'http' if host == '127.0.0.1' else 'https'}://{host}:{self.port}"
        self.first_link: str | None = None
        self.output: list[str] = []
        var.mkdir(parents=True, exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("NGHISU_")}
        environment |= {"NGHISU_VAR": str(var), "NGHISU_PORT": str(self.port), "NGHISU_HOST": host, **settings}
        self.process = subprocess.Popen(
            [sys.executable, "server.py", "up"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line.rstrip())
            if found := re.search(r"https?://\S+/welcome/\S+", line):
                self.first_link = found[0]

    def wait_ready(self) -> Product:
        """Until pages are served and relay and recorder are connected. Raises ``TimeoutError`` with the output."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2, context=TRUSTING) as answer:
                    health = json.load(answer)
                    if health.get("relay") and health.get("recorder"):
                        return self
            except OSError:
                pass
            time.sleep(0.05)
        raise TimeoutError("\n".join(self.output))

    def child(self, command: str) -> int:
        """The process id of ``serve``, ``relay`` or ``recorder``."""
        for pid in self.children():
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if command.encode() in arguments:
                return pid
        raise LookupError(command)

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def kill(self, command: str) -> None:
        """As a crash would: SIGKILL to one child."""
        os.kill(self.child(command), signal.SIGKILL)

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """Asks it to end and waits. Returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            status = self.process.wait(15)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()
        return status
