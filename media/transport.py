"""One browser's path in one direction: ICE-lite, DTLS, SRTP (``relay.md``).

What the packets mean is the business of the ``Terminal`` behind it: an uplink or a downlink.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from struct import Struct
from typing import Any, Literal, Protocol

from media import clock, stun
from media.candidates import candidates
from media.dtls import Certificate, Dtls, Keys, Role
from media.lot import NUMBER_AT
from media.messages import MediaParameters
from media.port import Address, Port, written
from media.srtp import Buffer, Direction
from media.tcp import Connection

log = logging.getLogger("nghisu.relay.transport")

ADDRESSES = 8
"""Addresses that one transport may have; a browser checks from all its interfaces."""

SILENCE = 10_000_000
"""Microseconds without a check after which a browser counts as silent (RFC 7675 asks for one every 5 s)."""

CONSENT = 30_000_000
"""Microseconds without a check after which nothing more is sent to an address (RFC 7675 section 5.1)."""

Health = Literal["connected", "silent", "failed"]

_SSRC = Struct("!I")


class ParametersRefused(Exception):
    """DTLS parameters that cannot be used, or other ones than before."""


class Terminal(Protocol):
    def expects(self, ssrc: int) -> bool:
        """Whether a packet of this stream is worth opening; libsrtp keeps state for every stream it opens."""
        ...

    def rtp(self, buffer: Buffer, size: int, now: int) -> None:
        """An RTP packet lies open in the buffer."""
        ...

    def rtcp(self, compound: bytes, now: int) -> None: ...

    def path_changed(self) -> None:
        """Packets go to another address from now on."""
        ...


class Transport:
    """``on_health`` is told of every change of ``health``. ``id`` and the parameters are mediasoup's words."""

    def __init__(self, port: Port, certificate: Certificate, on_health: Callable[[Health], None]) -> None:
        self.id = secrets.token_hex(8)
        self._credentials = _Credentials()
        self._renewed: _Credentials | None = None
        self.terminal: Terminal | None = None
        self.health: Health | None = None
        self._port = port
        self._certificate = certificate
        self._on_health = on_health
        self._dtls = Dtls(
            certificate, self._send_dtls, on_keys=self._agreed, on_failed=self._refused, on_closed=self._ended
        )
        self._fingerprints: list[tuple[str, str]] | None = None
        self._role: Role = "server"
        self._shaking = False
        self._addresses: list[Address] = []
        self._address: Address | None = None
        self._checked_at = 0
        self._inward: Direction | None = None
        self._outward: Direction | None = None
        self.lane = port.sendlog.take()
        self.numbered = False
        self._admit(self._credentials)

    @property
    def connected(self) -> bool:
        return self._outward is not None

    @property
    def handle(self) -> Any:
        """libsrtp's session of the outgoing direction."""
        return self._outward.handle if self._outward is not None else None

    @property
    def tag(self) -> int:
        """Bytes that sealing adds to a packet."""
        return self._outward.tag if self._outward is not None else 0

    @property
    def name(self) -> bytes:
        """The socket address of the browser; empty where it has none, or is reached over TCP."""
        return self._address if isinstance(self._address, bytes) else b""

    def parameters(self) -> MediaParameters:
        """What ``createSendTransport`` and ``createRecvTransport`` of mediasoup-client take."""
        return {
            "id": self.id,
            "iceParameters": self._credentials.parameters(),
            "iceCandidates": candidates(self._port.announced, self._port.number),
            "dtlsParameters": {"role": "auto", "fingerprints": self._certificate.fingerprints()[:1]},
        }

    def connect(self, parameters: MediaParameters) -> None:
        """Takes the browser's ``dtlsParameters``. The same again is no error; others raise ``ParametersRefused``."""
        try:
            fingerprints = [(str(f["algorithm"]), str(f["value"])) for f in parameters["fingerprints"]]
        except (KeyError, TypeError) as error:
            raise ParametersRefused("fingerprints") from error
        if not fingerprints:
            raise ParametersRefused("fingerprints")
        if self._fingerprints is not None:
            if fingerprints != self._fingerprints:
                raise ParametersRefused("changed")
            return
        self._fingerprints = fingerprints
        self._role = "client" if parameters.get("role") == "server" else "server"
        if self._role == "server" or self._address is not None:
            self._shake_hands()

    def restart_ice(self) -> MediaParameters:
        """New ``iceParameters`` (RFC 8445 section 9): the browser looks for its path anew, DTLS and SRTP go on.

        The old ones hold until a path is nominated by the new ones. Asked twice before that, it answers the same.
        """
        if self._renewed is None:
            self._renewed = _Credentials()
            self._admit(self._renewed)
        return self._renewed.parameters()

    def facts(self) -> dict[str, Any]:
        """For operators."""
        refused = [direction.refused if direction else 0 for direction in (self._inward, self._outward)]
        address = self._address
        return {
            "health": self.health,
            "path": None if address is None else "tcp" if isinstance(address, Connection) else "udp",
            "address": _told(address) if address else None,
            "addresses": len(self._addresses),
            "dtls_role": self._role,
            "srtp_profile": self._inward.profile if self._inward else None,
            "srtp_refused": refused,
        }

    def tick(self, now: int) -> None:
        """Once a second: notices browsers that fall silent or come back."""
        if self.health == "connected" and now - self._checked_at > SILENCE:
            self._become("silent")
        elif self.health == "silent" and now - self._checked_at < SILENCE:
            self._become("connected")
        elif self.health == "silent" and now - self._checked_at > CONSENT:
            self._go_to(None)

    def forget(self, ssrc: int) -> None:
        """This incoming stream has ended."""
        if self._inward is not None:
            self._inward.forget(ssrc)

    def close(self) -> None:
        """Says close_notify. A closed transport tells nothing more."""
        self._on_health = _nobody
        self.terminal = None
        self._dtls.close()
        self._inward = self._outward = None
        for credentials in (self._credentials, self._renewed):
            if credentials is not None:
                self._port.part(credentials.ufrag)
        addresses, self._addresses, self._address = self._addresses, [], None
        for address in addresses:
            self._port.forget_address(address, self)
        if self.lane >= 0:
            self._port.sendlog.free(self.lane)
            self.lane = -1

    # -- Out

    def send_rtp(self, size: int) -> None:
        """Seals and sends the packet in the port's ``outgoing`` buffer, which a fan-out would have written."""
        if self._outward is None or self._address is None:
            return
        buffer = self._port.outgoing
        if self.numbered:
            number = self._port.sendlog.stamp_one(self.lane, size + self._outward.tag, clock.now())
            buffer.bytes[NUMBER_AT : NUMBER_AT + 2] = number.to_bytes(2, "big")
        size = self._outward.seal(buffer, size)
        if size:
            self._port.send(buffer.view[:size], self._address)

    def send_sealed(self, datagram: memoryview) -> None:
        if self._address is not None:
            self._port.send(datagram, self._address)

    def send_rtcp(self, compound: bytes) -> None:
        if self._outward is None or self._address is None:
            return
        buffer = self._port.outgoing
        buffer.view[: len(compound)] = compound
        size = self._outward.seal_rtcp(buffer, len(compound))
        if size:
            self._port.send(buffer.view[:size], self._address)

    # -- In, called by the port

    def checked(self, address: Address, ufrag: str, nominated: bool, now: int) -> None:
        self._checked_at = now
        if address not in self._addresses:
            if len(self._addresses) >= ADDRESSES:
                oldest = next(known for known in self._addresses if known != self._address)
                self._addresses.remove(oldest)
                self._port.forget_address(oldest, self)
            self._addresses.append(address)
        if nominated and self._renewed is not None and ufrag == self._renewed.ufrag:
            self._port.part(self._credentials.ufrag)
            self._credentials, self._renewed = self._renewed, None
        if self._address is None or (nominated and ufrag == self._credentials.ufrag):
            self._go_to(address)
        if self._fingerprints is not None:
            self._shake_hands()

    def lost(self, address: Connection) -> None:
        if address in self._addresses:
            self._addresses.remove(address)
        if address is self._address:
            self._go_to(None)

    def dtls(self, datagram: bytes) -> None:
        self._dtls.feed(datagram)

    def srtp(self, buffer: Buffer, size: int, now: int) -> None:
        inward, terminal = self._inward, self.terminal
        if inward is None or terminal is None:
            return
        if 192 <= buffer.bytes[1] <= 223:
            size = inward.open_rtcp(buffer, size)
            if size:
                terminal.rtcp(bytes(buffer.view[:size]), now)
            return
        if terminal.expects(_SSRC.unpack_from(buffer.bytes, 8)[0]):
            size = inward.open(buffer, size)
            if size:
                terminal.rtp(buffer, size, now)

    # -- Handshake

    def _shake_hands(self) -> None:
        if not self._shaking:
            self._shaking = True
            self._dtls.shake_hands(self._role, self._fingerprints or [])

    def _agreed(self, keys: Keys) -> None:
        self._inward, self._outward = keys
        self._become("connected")

    def _refused(self, reason: str) -> None:
        log.info("no keys with %s: %s", self._address, reason)
        self._become("failed")

    def _admit(self, credentials: _Credentials) -> None:
        self._port.welcome(credentials.ufrag, self, credentials.password.encode())

    def _go_to(self, address: Address | None) -> None:
        if address != self._address:
            self._address = address
            if self.terminal is not None:
                self.terminal.path_changed()

    def _send_dtls(self, datagram: bytes) -> None:
        if self._address is not None:
            self._port.send(datagram, self._address)

    def _ended(self) -> None:
        """The browser said close_notify."""
        self._inward = self._outward = None
        self._become("failed")

    def _become(self, health: Health) -> None:
        if health != self.health:
            self.health = health
            self._on_health(health)


class _Credentials:
    """A user fragment and password (RFC 8445 section 5.3)."""

    def __init__(self) -> None:
        self.ufrag = secrets.token_hex(8)
        self.password = secrets.token_hex(16)

    def parameters(self) -> MediaParameters:
        return {"usernameFragment": self.ufrag, "password": self.password, "iceLite": True}


def _told(address: Address) -> str:
    return str(address) if isinstance(address, Connection) else stun.written(*written(address))


def _nobody(_health: Health) -> None:
    """Whom a closed transport tells."""
