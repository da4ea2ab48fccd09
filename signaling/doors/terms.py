"""What of an offer a meeting can use, in the words of mediasoup's grammar that the relay speaks. Pure.

Whoever made the offer gave its own payload types and header extension numbers, and both directions keep them (RFC 3264
section 6.1, RFC 8285 section 6).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters
from aiortc.sdp import GroupDescription, H264Profile, SsrcDescription, parse_h264_profile_level_id

from media.messages import MediaParameters, SlotOffer
from media.ortc import ROUTER_CAPABILITIES
from media.rtp import MID, REPAIRED_RID, RID
from meetings.errors import Invalid, MeetingError
from signaling import protocol as p
from signaling.doors.sdp import Accepted, Offer, Section

Kind = Literal["audio", "video"]

PLAYED: Mapping[Kind, tuple[str, ...]] = {
    "audio": ("stage-audio", "audio-1", "audio-2"),
    "video": ("stage-video",),
}
"""The slots that a player's sections carry, in their order."""

_ROUTER = cast("dict[str, list[dict[str, Any]]]", ROUTER_CAPABILITIES)
_CARRIED = {codec["mimeType"].lower() for codec in _ROUTER["codecs"]} - {"video/rtx"}
_FEEDBACK = {(each["type"], each["parameter"]) for codec in _ROUTER["codecs"] for each in codec["rtcpFeedback"]}
_EXTENSIONS = {(extension["kind"], extension["uri"]) for extension in _ROUTER["headerExtensions"]}


class NotAcceptable(MeetingError):
    """The offer can be read, and the meeting has no use for it."""

    code = "offer_not_acceptable"


@dataclass(frozen=True)
class Publication:
    """What an encoder will send: its producers, and what each of its sections is answered."""

    producers: tuple[p.NewProducer, ...]
    accepted: Mapping[str, Accepted]


@dataclass(frozen=True)
class Playback:
    """What a player can receive: its ``rtpCapabilities``, in its own numbers, and the slot of each section."""

    rtp_capabilities: MediaParameters
    slots: Mapping[str, str]
    accepted: Mapping[str, Accepted]


def publication(offer: Offer) -> Publication:
    """The producers of an encoder: at most one microphone and one camera. Raises ``NotAcceptable``.

    Nothing is accepted by halves: a picture that lost its sound would mislead who set the encoder up (RFC 9725 section
    4.4.3).
    """
    producers: list[p.NewProducer] = []
    accepted: dict[str, Accepted] = {}
    for section in _media(offer, {"sendonly", "sendrecv"}):
        kind = cast("Kind", section.kind)
        source: p.Source = "microphone" if kind == "audio" else "camera"
        if any(producer.source == source for producer in producers):
            raise NotAcceptable("one_track_each", kind=kind)
        choice = next(_choices(section), None)
        if choice is None:
            raise NotAcceptable("codec_unknown", kind=kind)
        made = Accepted(
            codecs=tuple(_with_repair(section, choice)),
            extensions=tuple(_extensions(section)),
            rids=section.rids if layers_carried() else (),
        )
        accepted[section.mid] = made
        producers.append(p.NewProducer(source, kind, _sent(section, made)))
    if not producers:
        raise NotAcceptable("nothing_sent")
    return Publication(tuple(producers), accepted)


def playback(offer: Offer) -> Playback:
    """What a player gets: the stage, and further sounds where it offers more audio sections. Raises ``NotAcceptable``.

    Sections beyond the slots, and those of codecs that no meeting carries, are refused singly.
    """
    slots: dict[str, str] = {}
    accepted: dict[str, Accepted] = {}
    codecs: dict[int, MediaParameters] = {}
    extensions: dict[tuple[str, str], int] = {}
    for section in _media(offer, {"recvonly", "sendrecv"}):
        kind = cast("Kind", section.kind)
        slot = next((name for name in PLAYED[kind] if name not in slots.values()), None)
        listed = tuple(codec for choice in _choices(section) for codec in _with_repair(section, choice))
        if slot is None or not listed:
            continue
        slots[section.mid] = slot
        accepted[section.mid] = Accepted(listed, tuple(_extensions(section, of_senders=False)))
        for codec in listed:
            codecs[_type(codec)] = {"kind": kind, **_codec(codec, "preferredPayloadType")}
        for extension in accepted[section.mid].extensions:
            extensions[kind, extension.uri] = extension.id
    if not slots:
        raise NotAcceptable("codec_unknown")
    capabilities: MediaParameters = {
        "codecs": list(codecs.values()),
        "headerExtensions": [{"kind": kind, "uri": uri, "preferredId": id} for (kind, uri), id in extensions.items()],
    }
    return Playback(capabilities, slots, accepted)


def fed(playback: Playback, slots: Iterable[SlotOffer]) -> Mapping[str, Accepted]:
    """What the sections of a player are answered, now that the relay has told the streams of their slots.

    Sound and picture of the stage are one media stream, so that lips match.
    """
    by_name = {slot.name: slot.rtp_parameters for slot in slots}
    made: dict[str, Accepted] = {}
    for mid, name in playback.slots.items():
        cname: str = by_name[name]["rtcp"]["cname"]
        encoding = by_name[name]["encodings"][0]
        numbers = [encoding["ssrc"], *([encoding["rtx"]["ssrc"]] if encoding.get("rtx") else [])]
        msid = f"{cname} {name}"
        streams = tuple(SsrcDescription(number, cname=cname, msid=msid) for number in numbers)
        made[mid] = replace(playback.accepted[mid], streams=streams, msid=msid)
    return made


def layers_carried() -> bool:
    """Whether the router takes simulcast: it then reads the layers' names in the packets."""
    return ("video", RID) in _EXTENSIONS


def _media(offer: Offer, directions: Collection[str]) -> list[Section]:
    """The sections of sound and picture in these directions; they share one transport (RFC 9725 section 4.4.1)."""
    found = [
        section
        for section in offer.sections
        if section.kind in PLAYED and section.live and (section.media.direction or "sendrecv") in directions
    ]
    if any(not section.mid for section in found):
        raise Invalid("sdp_malformed", reason="no mid")
    if any(not section.media.rtcp_mux for section in found):
        raise NotAcceptable("rtcp_mux_missing")
    if len(found) > 1 and not all(section.mid in offer.bundled for section in found):
        raise NotAcceptable("bundle_missing")
    return found


def _choices(section: Section) -> Iterator[RTCRtpCodecParameters]:
    """One of each codec that a meeting carries, in the order of the offer; of H.264 the profile that all can decode."""
    by_type = {_type(codec): codec for codec in section.media.rtp.codecs}
    able = [by_type[type] for type in section.media.fmt if type in by_type and _is_carried(by_type[type])]
    for name in dict.fromkeys(codec.mimeType.lower() for codec in able):
        same = [codec for codec in able if codec.mimeType.lower() == name]
        yield next((codec for codec in same if _is_plain(codec)), same[0])


def _is_carried(codec: RTCRtpCodecParameters) -> bool:
    name = codec.mimeType.lower()
    whole = name != "video/h264" or str(codec.parameters.get("packetization-mode")) == "1"
    return name in _CARRIED and whole


def _is_plain(codec: RTCRtpCodecParameters) -> bool:
    """Whether this is constrained baseline, which RFC 7742 section 6.2 asks of everybody, or not H.264 at all."""
    if codec.mimeType.lower() != "video/h264":
        return True
    try:
        profile, _ = parse_h264_profile_level_id(str(codec.parameters.get("profile-level-id")))
    except ValueError:
        return False
    return profile is H264Profile.PROFILE_CONSTRAINED_BASELINE


def _with_repair(section: Section, codec: RTCRtpCodecParameters) -> Iterator[RTCRtpCodecParameters]:
    """The codec and, where it was offered, its retransmissions (RFC 4588 section 8.1): with what the relay heeds."""
    repairs = (
        each
        for each in section.media.rtp.codecs
        if each.mimeType.lower() == "video/rtx" and each.parameters.get("apt") == codec.payloadType
    )
    for each in (codec, *repairs):
        feedback = [f for f in each.rtcpFeedback if (f.type, f.parameter or "") in _FEEDBACK]
        yield replace(each, rtcpFeedback=feedback)


def _extensions(section: Section, *, of_senders: bool = True) -> Iterator[RTCRtpHeaderExtensionParameters]:
    """The header extensions that both know. A player is told its streams by SSRC: mids need not be in its packets."""
    passed = {MID, RID, REPAIRED_RID} if not of_senders else set[str]() if section.rids else {RID, REPAIRED_RID}
    for extension in section.media.rtp.headerExtensions:
        if (section.kind, extension.uri) in _EXTENSIONS and extension.uri not in passed:
            yield extension


def _type(codec: RTCRtpCodecParameters) -> int:
    return cast("int", codec.payloadType)


def _codec(codec: RTCRtpCodecParameters, number: str) -> MediaParameters:
    made: MediaParameters = {
        "mimeType": codec.mimeType,
        number: codec.payloadType,
        "clockRate": codec.clockRate,
        "parameters": {name: "" if value is None else value for name, value in codec.parameters.items()},
        "rtcpFeedback": [{"type": each.type, "parameter": each.parameter or ""} for each in codec.rtcpFeedback],
    }
    if codec.channels is not None:
        made["channels"] = codec.channels
    return made


def _pairs(section: Section) -> Iterator[GroupDescription]:
    """A stream and its retransmissions (RFC 4588 section 8.1)."""
    return (group for group in section.media.ssrc_group if group.semantic == "FID" and len(group.items) == 2)


def _sent(section: Section, made: Accepted) -> MediaParameters:
    """The ``rtpParameters`` of a producer. Layers and streams whose SSRC is not told are learned from their packets."""
    repairs = {group.items[0]: group.items[1] for group in _pairs(section)}
    plain = [stream.ssrc for stream in section.media.ssrc if stream.ssrc not in repairs.values()]
    encodings: list[MediaParameters] = [{"rid": rid} for rid in made.rids]
    if not section.rids and plain:
        encodings = [{"ssrc": plain[0]}]
        if len(made.codecs) > 1 and plain[0] in repairs:
            encodings[0]["rtx"] = {"ssrc": repairs[plain[0]]}
    return {
        "mid": section.mid,
        "codecs": [_codec(codec, "payloadType") for codec in made.codecs],
        "headerExtensions": [{"uri": extension.uri, "id": extension.id} for extension in made.extensions],
        "encodings": encodings,
        "rtcp": {"cname": next((stream.cname for stream in section.media.ssrc if stream.cname), "")},
    }
