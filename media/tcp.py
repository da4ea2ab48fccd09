"""Media over TCP, for offices whose firewall lets no UDP out: passive candidates (RFC 6544), framing (RFC 4571).

A ``Connection`` stands where a UDP address stands: it is hashable and datagrams are sent to it. Nothing here waits: a
slow office has a queue of its own, and what does not fit into it is dropped whole.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import deque
from collections.abc import Callable

from media import clock
from media.ortc import OPUS
from media.srtp import Buffer
from media.stun import written

LARGEST = 1500
"""Bytes: what a browser sends fits into an Ethernet frame. A longer frame is another protocol's greeting."""

PROOF = 10.0
"""Seconds within which the first check must be proved."""

UNPROVED = 256
"""Connections that may be without proof at once; one more, and the oldest of them is closed."""

CROWDED, FULL = 256 << 10, 512 << 10
"""Bytes waiting at which pictures, and at which everything, is dropped."""

STALE, DEAD = 500_000, 2_000_000
"""Microseconds that the oldest byte has waited at which pictures, and at which everything, is dropped."""

UNACKNOWLEDGED_MS = 20_000
LEAST_WAITING_IN_KERNEL = 32 << 10
"""What the kernel holds unsent cannot be dropped any more: it is kept small (tcp(7), TCP_NOTSENT_LOWAT)."""

_NOTSENT_LOWAT, _USER_TIMEOUT = 25, 18
_ACCEPTS, _READ, _PAUSE = 64, 16 << 10, 1.0


class Frames:
    """Cuts a stream into datagrams, however it was split on its way. ``take`` is given each in turn.

    ``take`` returns whether the datagram was welcome; the first that was not ends the work.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: memoryview, take: Callable[[memoryview], bool]) -> bool:
        """Whether all was welcome, and no frame longer than ``LARGEST``. An empty frame means nothing (RFC 4571)."""
        if self._held:
            self._held += data
            whole = memoryview(bytes(self._held))
        else:
            whole = data
        at, size = 0, len(whole)
        while size - at >= 2:
            length = whole[at] << 8 | whole[at + 1]
            if length > LARGEST:
                return False
            if size - at - 2 < length:
                break
            if length and not take(whole[at + 2 : at + 2 + length]):
                return False
            at += 2 + length
        self._held = bytearray(whole[at:])
        return True


class Connection:
    """One path over TCP. ``remote`` is the far end's address and port; ``proved`` once a check has held."""

    def __init__(self, connected: socket.socket, remote: tuple[str, int], listener: Listener) -> None:
        self.remote = remote
        self._listener, self._socket = listener, connected
        self._frames = Frames()
        self._queue: deque[bytes] = deque()
        self._times: deque[int] = deque()
        self._queued = 0
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(PROOF, self.close)
        self._loop.add_reader(connected.fileno(), self._readable)

    def __str__(self) -> str:
        return f"tcp:{written(*self.remote)}"

    @property
    def proved(self) -> bool:
        return self._timer is None

    def prove(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._listener.proved(self)

    def send(self, datagram: bytes | memoryview) -> bool:
        """Sends, or queues, or drops; returns whether it was not dropped. Never closes before the next turn."""
        if self._closed:
            return False
        size = len(datagram)
        header = size.to_bytes(2, "big")
        if self._queue:
            if self._crowded(datagram):
                return False
            done = 0
        else:
            try:
                done = self._socket.sendmsg((header, datagram))
            except BlockingIOError:
                done = 0
            except OSError:
                self._loop.call_soon(self.close)
                return False
            if done == size + 2:
                return True
            self._loop.add_writer(self._socket.fileno(), self._writable)
        self._queue.append((header + datagram)[done:])
        self._times.append(clock.now())
        self._queued += size + 2 - done
        return True

    def close(self) -> None:
        """Idempotent. Whoever used this path is told."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._queue.clear()
        self._times.clear()
        self._listener.closed(self)

    def _crowded(self, datagram: bytes | memoryview) -> bool:
        """Whether this one must be dropped: sound and what keeps the path alive longer than pictures."""
        waited = clock.now() - self._times[0]
        if 128 <= datagram[0] <= 191 and not 192 <= datagram[1] <= 223 and datagram[1] & 0x7F != OPUS:
            return self._queued > CROWDED or waited > STALE
        return self._queued > FULL or waited > DEAD

    def _readable(self) -> None:
        scratch = self._listener.scratch
        try:
            size = self._socket.recv_into(scratch)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not (size and self._frames.feed(scratch[:size], self._take)):
            self.close()

    def _take(self, datagram: memoryview) -> bool:
        return self._listener.take(self, datagram) and not self._closed

    def _writable(self) -> None:
        while self._queue:
            head = self._queue[0]
            try:
                done = self._socket.send(head)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            self._queued -= done
            if done < len(head):
                self._queue[0] = head[done:]
                return
            self._queue.popleft()
            self._times.popleft()
        self._loop.remove_writer(self._socket.fileno())


class Listener:
    """The TCP side of a port. ``arrived`` is told that a datagram of so many bytes lies in ``incoming``, and answers
    whether it was welcome; ``left`` is told of every proved connection that closed.
    """

    def __init__(
        self,
        listening: socket.socket,
        incoming: Buffer,
        arrived: Callable[[int, Connection], bool],
        left: Callable[[Connection], None],
    ) -> None:
        self.scratch = memoryview(bytearray(_READ))
        self.refused = 0
        """Connections closed before they proved anything."""
        self._socket, self._incoming, self._arrived, self._left = listening, incoming, arrived, left
        self._unproved: dict[Connection, None] = {}
        self._proved: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def connections(self) -> int:
        return len(self._proved)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._acceptable)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()
        for connection in [*self._unproved, *self._proved]:
            connection.close()

    # -- Called by connections

    def take(self, connection: Connection, datagram: memoryview) -> bool:
        size = len(datagram)
        self._incoming.view[:size] = datagram
        return self._arrived(size, connection)

    def proved(self, connection: Connection) -> None:
        self._unproved.pop(connection, None)
        self._proved.add(connection)

    def closed(self, connection: Connection) -> None:
        if connection in self._unproved:
            del self._unproved[connection]
            self.refused += 1
        else:
            self._proved.discard(connection)
            self._left(connection)

    # --

    def _acceptable(self) -> None:
        for _ in range(_ACCEPTS):
            try:
                connected, address = self._socket.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._pause()
                return
            connected.setblocking(False)
            for level, option, value in (
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
                (socket.IPPROTO_TCP, _NOTSENT_LOWAT, LEAST_WAITING_IN_KERNEL),
                (socket.IPPROTO_TCP, _USER_TIMEOUT, UNACKNOWLEDGED_MS),
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            ):
                connected.setsockopt(level, option, value)
            self._unproved[Connection(connected, (address[0], address[1]), self)] = None
            if len(self._unproved) > UNPROVED:
                next(iter(self._unproved)).close()

    def _pause(self) -> None:
        """No descriptor is left: the waiting ones wait, and the loop does not spin."""
        loop = self._loop
        if loop is not None:
            loop.remove_reader(self._socket.fileno())
            loop.call_later(_PAUSE, lambda: self.start() if self._loop is loop else None)
