"""One site of a bed: a namespace, and a line between it and the centre that can be changed while it carries packets.

    site ─ veth ─ line ─ veth ─ centre

The line is a namespace too. It forwards: nftables drop what is lost or blocked, the forwarder delays, ``tbf`` at either
way out gives the rate. Packets of more than one segment are cut before they reach it, so that a loss is one packet.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

from tests.net import forwarder
from tests.net.line import CLEAN, Line, ruleset
from tests.net.namespace import Namespace
from tests.net.tools import BedUnavailable, run

TABLE = "77"
"""The routing table that leads into the delay."""
PATIENCE = 20.0


class Site:
    """``number`` from 1 to 200 tells the sites of a centre apart. Raises ``BedUnavailable``."""

    def __init__(self, centre: Namespace, number: int) -> None:
        self.line = CLEAN
        self._number, self._host = number, 2
        self._forwarder: subprocess.Popen[str] | None = None
        self._limited = False
        with ExitStack() as undo:
            self.namespace = Namespace(f"site{number}")
            undo.callback(self.namespace.remove)
            self._middle = Namespace(f"line{number}")
            undo.callback(self._middle.remove)
            self._join(centre)
            undo.pop_all()

    @property
    def address(self) -> IPv4Address:
        return IPv4Address(f"10.77.{self._number}.{self._host}")

    def change(self, line: Line) -> None:
        """The line is this from now on; packets under way stay under way."""
        run("ip", "netns", "exec", self._middle.name, "nft", "-f", "-", words=ruleset(line))
        self._limit(line)
        if self._forwarder or line.delay_ms or line.jitter_ms:
            self._delay(line)
        self.line = line

    def move(self) -> IPv4Address:
        """The site has another address, as after a change of networks: the old one is gone at once."""
        self.namespace.ip("address", "flush", "dev", "wan")
        self._host = self._host + 1 if self._host < 250 else 2
        self._settle()
        return self.address

    def remove(self) -> None:
        if self._forwarder:
            self._forwarder.kill()
            self._forwarder.wait()
            for stream in (self._forwarder.stdin, self._forwarder.stdout):
                if stream:
                    stream.close()
        self.namespace.remove()
        self._middle.remove()

    def _join(self, centre: Namespace) -> None:
        outer, inner, n = f"10.78.{self._number}.1", f"10.78.{self._number}.2", self._number
        for end, device, here in ((self.namespace, "wan", "site"), (centre, f"site{n}", "centre")):
            peer = ("type", "veth", "peer", "name", here, "netns", self._middle.name)
            self.namespace.ip("link", "add", device, "netns", end.name, *peer)
            for namespace, name in ((end, device), (self._middle, here)):
                namespace.ip("link", "set", name, "gso_max_segs", "1", "up")
        self._middle.ip("address", "add", f"10.77.{n}.1/24", "dev", "site")
        self._middle.ip("address", "add", f"{inner}/30", "dev", "centre")
        centre.ip("address", "add", f"{outer}/30", "dev", f"site{n}")
        centre.ip("route", "add", f"10.77.{n}.0/24", "via", inner)
        self._middle.ip("route", "add", "default", "via", outer)
        with self._middle.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self._settle()

    def _settle(self) -> None:
        self.namespace.ip("address", "add", f"{self.address}/24", "dev", "wan")
        self.namespace.ip("route", "add", "default", "via", f"10.77.{self._number}.1")

    def _limit(self, line: Line) -> None:
        for device in ("site", "centre"):
            qdisc = ("dev", device, "root")
            if line.rate:
                run("tc", "-n", self._middle.name, "qdisc", "replace", *qdisc, "tbf", *line.tbf())
            elif self._limited:
                run("tc", "-n", self._middle.name, "qdisc", "del", *qdisc)
        self._limited = line.rate is not None

    def _delay(self, line: Line) -> None:
        process = self._forwarder = self._forwarder or self._start_forwarder()
        assert process.stdin
        process.stdin.write(f"{line.delay_ms} {line.jitter_ms}\n")
        process.stdin.flush()

    def _start_forwarder(self) -> subprocess.Popen[str]:
        with self._middle.entered():
            process = subprocess.Popen(
                [sys.executable, forwarder.__file__, "delay"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert process.stdout
        if process.stdout.readline().strip() != "ready":
            process.kill()
            process.wait()
            raise BedUnavailable("Delays need TUN (CONFIG_TUN) and the right to open /dev/net/tun.")
        self._middle.ip("link", "set", "delay", "up")
        self._middle.ip("route", "add", "default", "dev", "delay", "table", TABLE)
        for device in ("site", "centre"):
            self._middle.ip("rule", "add", "iif", device, "lookup", TABLE)
        return process
