"""The lines of SDP (RFC 8866): an offer read, an answer written. aiortc knows the lines; no meaning is given here."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceParameters
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters
from aiortc.sdp import GroupDescription, MediaDescription, SessionDescription, SsrcDescription, grouplines

from media.messages import MediaParameters
from meetings.errors import Invalid


@dataclass(frozen=True)
class Section:
    """One ``m=`` section. ``rids`` are the layers that it offers to send (RFC 8853).

    ``live``: port 0 offers nothing, unless the section is to be carried by its bundle alone (RFC 9143 section 6).
    """

    media: MediaDescription
    rids: tuple[str, ...]
    live: bool

    @property
    def mid(self) -> str:
        return self.media.rtp.muxId

    @property
    def kind(self) -> str:
        return self.media.kind


@dataclass(frozen=True)
class Offer:
    """``dtls``: who made the offer, and in which role, as ``dtlsParameters``. ``bundled``: mids of one transport."""

    sections: tuple[Section, ...]
    bundled: frozenset[str]
    dtls: MediaParameters


@dataclass(frozen=True)
class Accepted:
    """What is answered to one section. ``streams`` are what the relay will send in it."""

    codecs: tuple[RTCRtpCodecParameters, ...]
    extensions: tuple[RTCRtpHeaderExtensionParameters, ...]
    rids: tuple[str, ...] = ()
    streams: tuple[SsrcDescription, ...] = ()
    msid: str | None = None


def read(offer: str) -> Offer:
    """Raises ``Invalid`` *sdp_malformed*."""
    try:
        session = SessionDescription.parse(offer)
        texts = grouplines(offer)[1]
        sections = tuple(
            Section(media, tuple(_rids(lines)), media.port != 0 or "a=bundle-only" in map(str.strip, lines))
            for media, lines in zip(session.media, texts, strict=True)
        )
        for media in session.media:
            _check_numbers(media)
    except Exception as error:  # aiortc asserts, indexes and converts: whatever it raises is the text's fault
        raise Invalid("sdp_malformed", reason=f"{type(error).__name__}: {error}"[:200]) from error
    told = next((section.media.dtls for section in sections if section.media.dtls is not None), None)
    if told is None or not told.fingerprints:
        raise Invalid("sdp_malformed", reason="no fingerprint, or no setup")
    bundles = [group.items for group in session.group if group.semantic == "BUNDLE"]
    return Offer(
        sections=sections,
        bundled=frozenset(map(str, bundles[0])) if bundles else frozenset(),
        dtls={
            "role": "server" if told.role == "server" else "client",
            "fingerprints": [{"algorithm": f.algorithm.lower(), "value": f.value} for f in told.fingerprints],
        },
    )


def answer(
    offer: Offer,
    accepted: Mapping[str, Accepted],
    transport: MediaParameters,
    direction: Literal["recvonly", "sendonly"],
) -> str:
    """The whole answer: one ICE-lite transport, all its candidates, one bundle (RFC 9429 section 5.3.1).

    The relay is DTLS server unless the offer insists on being that itself (RFC 8842 section 5.3). A section that is not
    among the accepted is refused singly.
    """
    session = SessionDescription()
    session.origin = f"- {zlib.crc32(str(transport['id']).encode())} 1 IN IP4 127.0.0.1"
    session.group = [GroupDescription("BUNDLE", [each.mid for each in offer.sections if each.mid in accepted])]
    session.msid_semantic = [GroupDescription("WMS", ["*"])]
    role = "client" if offer.dtls["role"] == "server" else "server"
    for section in offer.sections:
        answered = accepted.get(section.mid)
        if answered is None:
            session.media.append(_refused(section))
        else:
            session.media.append(_answered(section, answered, transport, direction, role))
    return str(session)


class _Written(MediaDescription):
    """A section with lines that aiortc does not write."""

    further: tuple[str, ...] = ()

    def __str__(self) -> str:
        return super().__str__() + "".join(f"a={line}\r\n" for line in self.further)


def _answered(
    section: Section, answered: Accepted, transport: MediaParameters, direction: str, role: str
) -> MediaDescription:
    made = _Written(section.kind, 9, section.media.profile, [codec.payloadType for codec in answered.codecs])
    made.host = made.rtcp_host = "0.0.0.0"
    made.rtcp_port, made.rtcp_mux = 9, True
    made.direction, made.msid = direction, answered.msid
    made.rtp.muxId = section.mid
    made.rtp.codecs, made.rtp.headerExtensions = list(answered.codecs), list(answered.extensions)
    made.ssrc = list(answered.streams)
    if len(answered.streams) == 2:
        made.ssrc_group = [GroupDescription("FID", [stream.ssrc for stream in answered.streams])]
    ice = transport["iceParameters"]
    made.ice = RTCIceParameters(usernameFragment=ice["usernameFragment"], password=ice["password"], iceLite=True)
    made.ice_candidates = [_candidate(candidate) for candidate in transport["iceCandidates"]]
    made.ice_candidates_complete = True
    prints = transport["dtlsParameters"]["fingerprints"]
    made.dtls = RTCDtlsParameters([RTCDtlsFingerprint(print["algorithm"], print["value"]) for print in prints], role)
    made.further = ("rtcp-rsize",)
    if answered.rids:
        made.further += (*(f"rid:{rid} recv" for rid in answered.rids), f"simulcast:recv {';'.join(answered.rids)}")
    return made


def _refused(section: Section) -> MediaDescription:
    made = MediaDescription(section.kind, 0, section.media.profile, section.media.fmt)
    made.host, made.direction, made.ice = "0.0.0.0", "inactive", RTCIceParameters()
    made.rtp.muxId = section.mid
    return made


def _candidate(candidate: Mapping[str, Any]) -> RTCIceCandidate:
    return RTCIceCandidate(
        component=1,
        foundation=candidate["foundation"],
        ip=candidate["ip"],
        port=candidate["port"],
        priority=candidate["priority"],
        protocol=candidate["protocol"],
        type=candidate["type"],
        tcpType=candidate.get("tcpType"),
    )


def _rids(lines: Iterable[str]) -> Iterator[str]:
    """The layers that a section offers to send (RFC 8851 section 4)."""
    for line in lines:
        if line.startswith("a=rid:"):
            rid, direction, *_ = line.removeprefix("a=rid:").split()
            if direction == "send":
                yield rid


def _check_numbers(media: MediaDescription) -> None:
    """Raises ``ValueError`` for numbers that no packet can bear."""
    types = [codec.payloadType for codec in media.rtp.codecs]
    if not all(type is not None and 0 <= type < 128 for type in types):
        raise ValueError("payload type")
    if not all(0 < extension.id < 256 for extension in media.rtp.headerExtensions):
        raise ValueError("header extension")
    if not all(0 < stream.ssrc < 1 << 32 for stream in media.ssrc):
        raise ValueError("SSRC")
