"""What a router can carry, in the words of mediasoup-client: capabilities, and the parameters of every slot.

Payload types and header extension numbers of slots are the router's; those of producers are each browser's own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from media.messages import MediaParameters
from media.rtp import AUDIO_LEVEL, MID, REPAIRED_RID, RID, TRANSPORT_CC

Kind = Literal["audio", "video"]
Codec = Literal["opus", "VP8", "H264"]
Ssrc = Annotated[int, Meta(ge=1, le=0xFFFF_FFFF)]
T = TypeVar("T")

MID_ID, RID_ID, REPAIRED_RID_ID, TRANSPORT_CC_ID, AUDIO_LEVEL_ID = 1, 2, 3, 5, 10

LAYERS = 3
"""Encodings that one video may have."""

OPUS = 100
PAYLOAD_TYPES: dict[Codec, int] = {"opus": OPUS, "VP8": 101, "H264": 103}
REPAIR_TYPES: dict[Codec, int] = {"VP8": 102, "H264": 104}
CLOCK_RATES: dict[Codec, int] = {"opus": 48_000, "VP8": 90_000, "H264": 90_000}

_VIDEO_FEEDBACK = [
    {"type": "nack", "parameter": ""},
    {"type": "nack", "parameter": "pli"},
    {"type": "ccm", "parameter": "fir"},
    {"type": "transport-cc", "parameter": ""},
]
_H264 = {"packetization-mode": 1, "profile-level-id": "42e01f", "level-asymmetry-allowed": 1}


def _video(codec: Codec, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    payload_type = PAYLOAD_TYPES[codec]
    common = {"kind": "video", "clockRate": CLOCK_RATES[codec]}
    return [
        {
            **common,
            "mimeType": f"video/{codec}",
            "preferredPayloadType": payload_type,
            "parameters": parameters,
            "rtcpFeedback": _VIDEO_FEEDBACK,
        },
        {
            **common,
            "mimeType": "video/rtx",
            "preferredPayloadType": REPAIR_TYPES[codec],
            "parameters": {"apt": payload_type},
            "rtcpFeedback": [],
        },
    ]


def _extension(kind: Kind, uri: str, id: int, direction: str = "sendrecv") -> dict[str, Any]:
    return {"kind": kind, "uri": uri, "preferredId": id, "preferredEncrypt": False, "direction": direction}


ROUTER_CAPABILITIES: MediaParameters = {
    "codecs": [
        {
            "kind": "audio",
            "mimeType": "audio/opus",
            "preferredPayloadType": OPUS,
            "clockRate": 48_000,
            "channels": 2,
            "parameters": {"useinbandfec": 1, "usedtx": 1, "minptime": 10},
            "rtcpFeedback": [{"type": "transport-cc", "parameter": ""}],
        },
        *_video("VP8", {}),
        *_video("H264", _H264),
    ],
    "headerExtensions": [
        _extension("audio", MID, MID_ID),
        _extension("video", MID, MID_ID),
        _extension("video", RID, RID_ID, "recvonly"),
        _extension("video", REPAIRED_RID, REPAIRED_RID_ID, "recvonly"),
        _extension("audio", TRANSPORT_CC, TRANSPORT_CC_ID),
        _extension("video", TRANSPORT_CC, TRANSPORT_CC_ID),
        _extension("audio", AUDIO_LEVEL, AUDIO_LEVEL_ID),
    ],
}
"""No goog-remb: with transport-cc in both directions a browser must not be offered both (``relay.md``, pitfall 11)."""


class CodecUnknown(Exception):
    """Parameters that are no stream of Opus, VP8 or H.264, or no set of encodings that can be told apart."""


@dataclass(frozen=True)
class Sent:
    """One encoding that a browser sends. Absent SSRCs are learned by ``mid`` and ``rid`` (RFC 8852)."""

    rid: str = ""
    ssrc: int | None = None
    repair_ssrc: int | None = None


@dataclass(frozen=True)
class Sending:
    """What a browser sends, out of the ``rtpParameters`` of its producer. ``encodings``: the smallest picture first."""

    codec: Codec
    payload_type: int
    repair_type: int | None
    encodings: tuple[Sent, ...]
    mid: str
    extensions: dict[str, int]
    channels: int


def sending(kind: Kind, parameters: MediaParameters) -> Sending:
    """Raises ``CodecUnknown``."""
    offered = _read(parameters, _Parameters)
    if not offered.codecs or len(offered.encodings) > (LAYERS if kind == "video" else 1):
        raise CodecUnknown(f"{len(offered.codecs)} codecs, {len(offered.encodings)} encodings")
    first = offered.codecs[0]
    codec = _codec(first.mime_type)
    if codec is None or (codec == "opus") != (kind == "audio"):
        raise CodecUnknown(f"{first.mime_type} as {kind}")
    repair = next((entry for entry in offered.codecs[1:] if entry.mime_type.lower() == "video/rtx"), None)
    encodings = tuple(
        Sent(entry.rid or "", entry.ssrc, entry.rtx.ssrc if repair and entry.rtx else None)
        for entry in offered.encodings or [_Encoding()]
    )
    if len(encodings) > 1 and (
        len({entry.rid for entry in encodings}) < len(encodings) or not all(entry.rid for entry in encodings)
    ):
        raise CodecUnknown("encodings without a rid of their own")
    return Sending(
        codec=codec,
        payload_type=first.payload_type,
        repair_type=repair.payload_type if repair else None,
        encodings=encodings,
        mid=offered.mid or "",
        extensions={extension.uri: extension.id for extension in offered.header_extensions},
        channels=first.channels or 1,
    )


@dataclass(frozen=True)
class Receivable:
    """What a browser can receive. ``numbered``: it reports arrivals by transport-wide sequence numbers."""

    codecs: frozenset[Codec]
    repairs: frozenset[Codec]
    numbered: bool


def receivable(capabilities: MediaParameters) -> Receivable:
    """Out of a browser's ``rtpCapabilities``. Raises ``CodecUnknown`` for capabilities that cannot be read."""
    read = _read(capabilities, _Capabilities)
    types: dict[int, Codec] = {}
    for entry in read.codecs:
        codec = _codec(entry.mime_type)
        if codec == "H264" and entry.parameter("packetization-mode") != 1:
            continue
        if codec is not None:
            types[entry.preferred_payload_type] = codec
    repaired = [entry.parameter("apt") for entry in read.codecs if entry.mime_type.lower() == "video/rtx"]
    return Receivable(
        codecs=frozenset(types.values()),
        repairs=frozenset(types[apt] for apt in repaired if apt in types),
        numbered=any(extension.uri == TRANSPORT_CC for extension in read.header_extensions),
    )


@dataclass(frozen=True)
class Numbers:
    """Payload types and header extension numbers in what a slot sends; 0: the extension is left out."""

    types: Mapping[Codec, int]
    repairs: Mapping[Codec, int]
    mid: int
    transport_cc: int
    audio_level: int


ROUTER_NUMBERS = Numbers(PAYLOAD_TYPES, REPAIR_TYPES, MID_ID, TRANSPORT_CC_ID, AUDIO_LEVEL_ID)
"""mediasoup-client takes the router's numbers."""


def own_numbers(capabilities: MediaParameters) -> Numbers:
    """The numbers of a receiver that made the SDP offer itself: the answer may not change them (RFC 3264 section 6.1,
    RFC 8285 section 6).

    Raises ``CodecUnknown``.
    """
    read = _read(capabilities, _Capabilities)
    types: dict[Codec, int] = {}
    for entry in read.codecs:
        codec = _codec(entry.mime_type)
        if codec is not None and entry.parameter("packetization-mode") in {-1, 1}:
            types.setdefault(codec, entry.preferred_payload_type)
    repairs = {
        entry.parameter("apt"): entry.preferred_payload_type
        for entry in read.codecs
        if entry.mime_type.lower() == "video/rtx"
    }
    extensions = {
        extension.uri: extension.preferred_id for extension in read.header_extensions if 0 < extension.preferred_id < 15
    }
    return Numbers(
        types={**PAYLOAD_TYPES, **types},
        repairs={codec: repairs.get(types.get(codec, -1), default) for codec, default in REPAIR_TYPES.items()},
        mid=extensions.get(MID, 0),
        transport_cc=extensions.get(TRANSPORT_CC, 0),
        audio_level=extensions.get(AUDIO_LEVEL, 0),
    )


class _Codec(Struct, rename="camel"):
    mime_type: str
    payload_type: int = 0
    preferred_payload_type: int = 0
    channels: int | None = None
    parameters: dict[str, Any] | None = None

    def parameter(self, name: str) -> int:
        """A number of the format's parameters, which may be written as a string; -1 where it is none."""
        value = (self.parameters or {}).get(name, -1)
        return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else -1


class _Repair(Struct):
    ssrc: Ssrc | None = None


class _Encoding(Struct):
    ssrc: Ssrc | None = None
    rid: Annotated[str, Meta(max_length=16)] | None = None
    rtx: _Repair | None = None


class _Extension(Struct):
    uri: str
    id: Annotated[int, Meta(ge=1, le=255)]


class _Parameters(Struct, rename="camel"):
    codecs: list[_Codec]
    encodings: list[_Encoding] = []
    header_extensions: list[_Extension] = []
    mid: str | None = None


class _PreferredExtension(Struct, rename="camel"):
    uri: str
    kind: str = ""
    preferred_id: int = 0


class _Capabilities(Struct, rename="camel"):
    codecs: list[_Codec]
    header_extensions: list[_PreferredExtension] = []


def _read(parameters: MediaParameters, kind: type[T]) -> T:
    try:
        return msgspec.convert(parameters, kind)
    except msgspec.ValidationError as error:
        raise CodecUnknown(str(error)) from error


@dataclass(frozen=True)
class Receiving:
    """What a slot sends to its browser. ``mid`` has two characters, so that all headers are equally long."""

    kind: Kind
    mid: str
    cname: str
    codecs: tuple[Codec, ...]
    repairs: tuple[Codec, ...]
    ssrc: int
    repair_ssrc: int | None
    numbered: bool
    numbers: Numbers

    def parameters(self) -> MediaParameters:
        """The ``rtpParameters`` of the slot's consumer. mediasoup-client names the media stream by its ``cname``."""
        encoding: dict[str, Any] = {"ssrc": self.ssrc}
        if self.repair_ssrc is not None:
            encoding["rtx"] = {"ssrc": self.repair_ssrc}
        return {
            "mid": self.mid,
            "codecs": _codecs(self.codecs, self.repairs, self.numbered),
            "headerExtensions": _extensions(self.kind, self.numbered),
            "encodings": [encoding],
            "rtcp": {"cname": self.cname, "reducedSize": True, "mux": True},
        }


@cache
def _codecs(codecs: tuple[Codec, ...], repairs: tuple[Codec, ...], numbered: bool) -> list[dict[str, Any]]:
    """As a consumer names them. All consumers have the same: they are written down and not changed."""
    entries = cast("list[dict[str, Any]]", ROUTER_CAPABILITIES["codecs"])
    types = {PAYLOAD_TYPES[codec] for codec in codecs} | {REPAIR_TYPES[codec] for codec in repairs}
    made: list[dict[str, Any]] = []
    for entry in entries:
        if entry["preferredPayloadType"] in types:
            codec = deepcopy(entry)
            codec["payloadType"] = codec.pop("preferredPayloadType")
            del codec["kind"]
            if not numbered:
                codec["rtcpFeedback"] = [f for f in codec["rtcpFeedback"] if f["type"] != "transport-cc"]
            made.append(codec)
    return made


@cache
def _extensions(kind: Kind, numbered: bool) -> list[dict[str, Any]]:
    """The header extensions, likewise."""
    return [
        {"uri": extension["uri"], "id": extension["preferredId"], "encrypt": False, "parameters": {}}
        for extension in ROUTER_CAPABILITIES["headerExtensions"]
        if extension["kind"] == kind
        and extension["direction"] == "sendrecv"
        and (numbered or extension["uri"] != TRANSPORT_CC)
    ]


def receiving(kind: Kind, mid: str, cname: str, able: Receivable, numbers: Numbers = ROUTER_NUMBERS) -> Receiving:
    """A slot of ``kind`` for a browser that can receive so much."""
    wanted: tuple[Codec, ...] = ("opus",) if kind == "audio" else ("VP8", "H264")
    listed: tuple[Codec, ...] = tuple(codec for codec in wanted if codec in able.codecs)
    mended: tuple[Codec, ...] = tuple(codec for codec in listed if codec in able.repairs)
    return Receiving(
        kind=kind,
        mid=mid,
        cname=cname,
        codecs=listed,
        repairs=mended,
        ssrc=_new_ssrc(),
        repair_ssrc=_new_ssrc() if mended else None,
        numbered=able.numbered,
        numbers=numbers,
    )


def _codec(mime_type: str) -> Codec | None:
    match mime_type.lower():
        case "audio/opus":
            return "opus"
        case "video/vp8":
            return "VP8"
        case "video/h264":
            return "H264"
        case _:
            return None


def _new_ssrc() -> int:
    """RFC 3550 section 8.1 wants it random, not secret."""
    return random.randrange(0x1_0000, 1 << 32)
