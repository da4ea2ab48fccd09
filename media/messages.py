"""What a server and a relay say to each other, on the Socket.IO namespace ``/relay``.

The relay is the client of the connection. Requests go from the server to the relay (``sio.call``), each named by the
type below in snake_case, and are idempotent: asked twice with the same ids they answer the same. Notices go from the
relay to the server. A router holds endpoints (one browser each); an endpoint has at most one producer per source and a
fixed set of receiving slots. ``Route`` always carries the whole wish, so a lost one is mended by the next.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

MediaParameters = dict[str, Any]
Source = Literal["microphone", "camera", "screen"]

SLOTS: tuple[tuple[str, Literal["audio", "video"]], ...] = (
    ("stage-video", "video"),
    ("stage-audio", "audio"),
    ("audio-1", "audio"),
    ("audio-2", "audio"),
    ("tile-1", "video"),
    ("tile-2", "video"),
    ("tile-3", "video"),
    ("tile-4", "video"),
)


# -- Requests: server → relay ----------------------------------------------------------------------------------------


class OpenEndpoint(Struct, frozen=True):
    """Makes the transports and slots of one browser. ``send`` false: receive only. Answer: ``EndpointOffer``.

    ``slots``: a peer that made an SDP offer itself is fed these slots only, with the payload types and header
    extension numbers of its ``rtp_capabilities``; mids are left out, streams are told by SSRC. ``None``: all slots,
    with the router's numbers, as mediasoup-client takes them.
    """

    router: str
    endpoint: str
    send: bool
    rtp_capabilities: MediaParameters
    slots: tuple[str, ...] | None = None


class SlotOffer(Struct, frozen=True):
    name: str
    id: str
    producer_id: str
    kind: Literal["audio", "video"]
    rtp_parameters: MediaParameters


class EndpointOffer(Struct, frozen=True):
    router_rtp_capabilities: MediaParameters
    send: MediaParameters | None
    receive: MediaParameters
    slots: tuple[SlotOffer, ...]
    shows: dict[str, str | None]


class NewProducer(Struct, frozen=True):
    source: Source
    kind: Literal["audio", "video"]
    rtp_parameters: MediaParameters


class ConnectEndpoint(Struct, frozen=True):
    """DTLS parameters (role, fingerprints) of either transport, and producers to make. Answer: ``{}``."""

    router: str
    endpoint: str
    receive: MediaParameters | None
    send: MediaParameters | None
    producers: tuple[NewProducer, ...]


class RestartIce(Struct, frozen=True):
    """Lets a browser look for its paths anew; DTLS and SRTP of both transports go on. Answer: ``IceParameters``."""

    router: str
    endpoint: str


class IceParameters(Struct, frozen=True):
    """As ``restartIce`` of mediasoup-client takes them."""

    receive: MediaParameters
    send: MediaParameters | None


class CloseProducer(Struct, frozen=True):
    router: str
    endpoint: str
    source: Source


class CloseEndpoint(Struct, frozen=True):
    router: str
    endpoint: str


class CloseRouter(Struct, frozen=True):
    router: str


class Route(Struct, frozen=True):
    """The whole wish for one router.

    ``stage``: the endpoint on the stage and which of its videos is shown. ``tiles``: endpoints in the order of the
    strip; each receiver's four tiles show the first four that are neither itself nor (by camera) on its stage.
    ``muted``: endpoints whose sound is forwarded to nobody, the recorder included. The two further audio slots carry
    the loudest unmuted endpoints off the stage. A receiver's own order of the strip is told by ``Look``.
    """

    router: str
    stage: str | None
    stage_source: Source
    tiles: tuple[str, ...]
    muted: tuple[str, ...]


class Look(Struct, frozen=True):
    """What one receiver looks at. Answer: ``{}``.

    ``tiles``: its own order of the strip, instead of the route's; empty: the route's. Heights are in device pixels, in
    which the stage and each tile are shown; 0: not shown at all, so that no picture is sent there. A slot is sent no
    larger picture than it needs.
    """

    router: str
    endpoint: str
    tiles: tuple[str, ...] = ()
    stage_height: int = 1080
    tile_height: int = 360


class Record(Struct, frozen=True):
    """Sends one producer as plain RTP to ``address:port``. Answer: ``{}``.

    The packets bear ``ssrc``, ``payload_type``, and a one-byte header extension (id 1, 8 bytes): the arrival at the
    relay in microseconds of ``CLOCK_MONOTONIC``, big-endian. When the consumer is made (or made anew with ``replay``)
    up to 3 s of kept packets are sent first, video from its last key frame. RTCP comes back on the same socket pair:
    PLI asks for a key frame. ``record_id`` names this consumer for ``StopRecord``. Sequence numbers are the stream's
    own, without the sender's padding; they leap by more than 500 after an outage and go on without a leap after a mute,
    which is silence and no loss. A packet may come late (repaired), twice (replayed) or, seldom, empty (padding that
    was repaired).
    """

    router: str
    endpoint: str
    source: Source
    record_id: str
    address: str
    port: int
    ssrc: int
    payload_type: int
    replay: bool


class StopRecord(Struct, frozen=True):
    router: str
    record_id: str


class AskKeyFrame(Struct, frozen=True):
    """Asks a producer for a key frame at once, as a PLI of a consumer would. Answer: ``{}``.

    The server asks when the recorder is lost, so that the replay on its return begins near the loss (ADR 0005).
    """

    router: str
    endpoint: str
    source: Source


class PipeStream(Struct, frozen=True):
    """One producer on its way from relay to relay. Encoding i has SSRC ``ssrc`` + 2 i, its repetitions the next one;
    where there are several, its rid is *r* and i.

    An SSRC serves once in the life of a pipe: what is piped again gets a new one.
    """

    endpoint: str
    source: Source
    kind: Literal["audio", "video"]
    mime_type: str
    clock_rate: int
    channels: int
    encodings: int
    ssrc: int


PIPE_KEY = 28
"""Bytes of a pipe's key: 16 of AES-128-GCM and 12 of salt (RFC 7714)."""


class OpenPipe(Struct, frozen=True):
    """Makes one end of the way between two relays that carry the same router (``docs/relays.md``).

    Both ends are asked with the same ``pipe`` and with the two keys crossed, ``PIPE_KEY`` bytes each in hexadecimal
    digits. Answer: ``PipeOffer``.
    """

    router: str
    pipe: str
    sealing_key: str
    opening_key: str


class PipeOffer(Struct, frozen=True):
    """Where this end of a pipe listens (UDP)."""

    address: str
    port: int


class ConnectPipe(Struct, frozen=True):
    """Joins an end of a pipe with the other one. Answer: ``{}``."""

    router: str
    pipe: str
    address: str
    port: int


class FeedPipe(Struct, frozen=True):
    """The whole wish for one end of a pipe: which producers of this relay it sends, and which of the other relay's it
    receives. The latter stand in this relay's router as if they were its own. ``paused``: SSRCs of encodings among the
    former that nobody takes at the other end. Answer: ``{}``."""

    router: str
    pipe: str
    sends: tuple[PipeStream, ...]
    receives: tuple[PipeStream, ...]
    paused: tuple[int, ...] = ()


class ClosePipe(Struct, frozen=True):
    router: str
    pipe: str


class Dump(Struct, frozen=True):
    """The state of everything, for operators, in portions: none holds up the media, none is too large a message.

    Without a router the answer tells of the relay and how much there is to tell of each router; with one, of so many
    things of it as ``PORTION`` says, from the place ``begin`` on (``docs/metrics.md``).
    """

    router: str | None = None
    begin: int = 0


PORTION = 16


class Metrics(Struct, frozen=True):
    """Answer: ``RelayMetrics``."""


class RelayMetrics(Struct, frozen=True):
    """A relay in numbers. Counters run since the relay's start.

    ``started``: seconds of the Unix clock; ``memory``: bytes; ``segments``: whether one system call sends many packets
    (GSO). ``udp`` and ``tcp``: connected transports by their path, ``silent``: those not heard of for 10 s; ``short``:
    receivers of whom a picture is held back because it does not fit into their path. ``receive_drops``: datagrams
    that the kernel dropped before the relay took them; ``send_drops``: packets for which it had no room.
    """

    started: float
    cpu_seconds: float
    memory: int
    segments: bool
    routers: int
    endpoints: int
    producers: int
    records: int
    udp: int
    tcp: int
    silent: int
    short: int
    packets_received: int
    octets_received: int
    packets_sent: int
    octets_sent: int
    messages_sent: int
    receive_drops: int
    send_drops: int
    unsealed: int
    strangers: int
    garbage: int
    checks: int
    checks_refused: int
    tcp_refused: int


# -- Notices: relay → server -----------------------------------------------------------------------------------------


class ProducerInventory(Struct, frozen=True):
    source: Source
    kind: Literal["audio", "video"]
    mime_type: str
    clock_rate: int
    channels: int
    encodings: int = 1


class EndpointInventory(Struct, frozen=True):
    id: str
    send: bool
    producers: tuple[ProducerInventory, ...]


class PipeInventory(Struct, frozen=True):
    """One end of a pipe, as it was last fed."""

    pipe: str
    sends: tuple[PipeStream, ...]
    receives: tuple[PipeStream, ...]
    paused: tuple[int, ...] = ()


class RouterInventory(Struct, frozen=True):
    id: str
    endpoints: tuple[EndpointInventory, ...]
    records: tuple[str, ...]
    pipes: tuple[PipeInventory, ...] = ()


class Inventory(Struct, frozen=True):
    """The first notice after each connection (event ``inventory``). ``relay`` is new for every relay process.

    ``number`` is its place among the relays of one machine; ``cpu`` as in ``Load``.
    """

    relay: str
    routers: tuple[RouterInventory, ...]
    number: int = 0
    cpu: float = 0.0


class Load(Struct, frozen=True):
    """How much of one core the relay has used since the last such notice, 0 to 1; every 2 s (event ``load``)."""

    cpu: float


class SlotsShow(Struct, frozen=True):
    """Whom the slots of these endpoints show now: slot name → endpoint or ``None``, whole (event ``slots_show``)."""

    router: str
    endpoints: tuple[str, ...]
    shows: dict[str, str | None]


class Heard(Struct, frozen=True):
    """Who is heard now, loudest first, at most three; sent when it changes (event ``heard``)."""

    router: str
    endpoints: tuple[str, ...]


class ProducerStarted(Struct, frozen=True):
    """A producer's first packet has come; told once (event ``producer_started``)."""

    router: str
    endpoint: str
    producer: ProducerInventory


class EncodingsWatched(Struct, frozen=True):
    """Which encodings of a producer anybody takes, by rid; told for producers of several encodings when it changes
    (event ``encodings_watched``). The sender may stop the others; a new one is told as soon as it is wanted."""

    router: str
    endpoint: str
    source: Source
    rids: tuple[str, ...]


class TransportHealth(Struct, frozen=True):
    """A transport of an endpoint connected, fell silent (no STUN for 10 s) or failed (event ``transport_health``)."""

    router: str
    endpoint: str
    direction: Literal["send", "receive"]
    state: Literal["connected", "silent", "failed"]
