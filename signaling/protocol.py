"""Every message between a browser and the server, as types; the TypeScript types are generated from them.

Three kinds travel on the Socket.IO namespace ``/meeting``:

* **Calls** (browser → server, acknowledged): ``enter``, ``connect_media``, ``produce``, ``close_producer``, ``act``,
  ``devices``, ``look``, ``resync``. The acknowledgement is ``{"ok": …}`` or ``{"error": Failure}``.
* **Acts**: what the meeting's law judges, sent by the call ``act``. Each is one type below, told apart by ``act``.
* **Letters** (server → browser, event ``letter``): what changed, told apart by ``kind``. A letter with ``seq`` follows
  from the event log: clients apply in order and call ``resync`` when a number is missing. A letter without ``seq`` is
  of the moment (who is heard, whom a slot shows).

Media parameters are mediasoup's (``rtpCapabilities``, ``dtlsParameters`` …) and pass through as they are.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from meetings.access import Role
from meetings.facts import AgendaItem

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\w:.-]+$")]
Line = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=4000)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Height = Annotated[int, Meta(ge=0, le=8640)]
MediaParameters = dict[str, Any]
Source = Literal["microphone", "camera", "screen"]
Quality = Literal["good", "fair", "poor", "unknown"]


# -- Acts: browser → server, judged by the Room ---------------------------------------------------------------------


class Act(Struct, frozen=True, tag_field="act", tag=str, forbid_unknown_fields=True):
    """Something a site wants to do in the meeting."""


class Admit(Act, frozen=True, tag="admit"):
    site: Id


class Refuse(Act, frozen=True, tag="refuse"):
    site: Id


class OpenMeeting(Act, frozen=True, tag="open_meeting"):
    pass


class StartItem(Act, frozen=True, tag="start_item"):
    """Starts an agenda item and ends the one before."""

    item: Id


class EndItem(Act, frozen=True, tag="end_item"):
    pass


class AskFloor(Act, frozen=True, tag="ask_floor"):
    pass


class WithdrawFloor(Act, frozen=True, tag="withdraw_floor"):
    """Takes a site out of the queue: one's own, or any by who conducts. ``None`` is one's own."""

    site: Id | None = None


class MoveFloor(Act, frozen=True, tag="move_floor"):
    """Puts a waiting site at ``position`` (0 is next)."""

    site: Id
    position: Annotated[int, Meta(ge=0, le=4000)]


class GiveFloor(Act, frozen=True, tag="give_floor"):
    """Ends the turn before, starts the timer, moves the stage for all. ``seconds`` ``None``: the meeting's default."""

    site: Id
    seconds: Annotated[int, Meta(ge=10, le=7200)] | None = None


class EndFloor(Act, frozen=True, tag="end_floor"):
    """Ends the turn: by the speaker (yields) or by who conducts."""


class Mute(Act, frozen=True, tag="mute"):
    site: Id


class Unmute(Act, frozen=True, tag="unmute"):
    site: Id


class MuteAll(Act, frozen=True, tag="mute_all"):
    """Mutes everybody but the chair and who has the floor."""


class StartShare(Act, frozen=True, tag="start_share"):
    pass


class EndShare(Act, frozen=True, tag="end_share"):
    pass


class StartRecording(Act, frozen=True, tag="start_recording"):
    pass


class StopRecording(Act, frozen=True, tag="stop_recording"):
    pass


class Conclude(Act, frozen=True, tag="conclude"):
    """Records what the chair ruled; with the id of an earlier conclusion it replaces that text."""

    task: Annotated[str, Meta(min_length=1, max_length=4000)]
    lead: Line = ""
    cooperating: Line = ""
    deadline: Day | None = None
    item: Id | None = None
    conclusion: Id | None = None


class WithdrawConclusion(Act, frozen=True, tag="withdraw_conclusion"):
    conclusion: Id


class Mark(Act, frozen=True, tag="mark"):
    """Marks this moment for the minutes."""

    note: Line = ""


class RemoveMark(Act, frozen=True, tag="remove_mark"):
    mark: Id


class Leave(Act, frozen=True, tag="leave"):
    pass


class Adjourn(Act, frozen=True, tag="adjourn"):
    """Ends the meeting for all."""


AnyAct = (
    Admit
    | Refuse
    | OpenMeeting
    | StartItem
    | EndItem
    | AskFloor
    | WithdrawFloor
    | MoveFloor
    | GiveFloor
    | EndFloor
    | Mute
    | Unmute
    | MuteAll
    | StartShare
    | EndShare
    | StartRecording
    | StopRecording
    | Conclude
    | WithdrawConclusion
    | Mark
    | RemoveMark
    | Leave
    | Adjourn
)


# -- What a client sees: the snapshot, and the parts that letters replace --------------------------------------------


class Devices(Struct, frozen=True):
    """What a site's browser sends at this moment. Of the moment only: not an event."""

    microphone: bool = False
    camera: bool = False
    consents_to_open: bool = False


class SiteView(Struct, frozen=True):
    """One site as everybody sees it. ``muted`` is the relay's mute, ``devices`` what the browser sends.

    ``watching``: a player that takes no seat shows the stage at this site, whatever its ``presence``.
    """

    id: str
    name: str
    person: str
    role: Role
    presence: Literal["absent", "waiting", "seated", "away"]
    people: int
    listen_only: bool
    muted: bool
    devices: Devices
    quality: Quality
    watching: bool


class Turn(Struct, frozen=True):
    """Who has the floor. ``since`` is ISO 8601 UTC, ``seconds`` the allotted time."""

    site: str
    since: str
    seconds: int


class Hand(Struct, frozen=True):
    """A site that waits for the floor, and since when."""

    site: str
    since: str


class FloorView(Struct, frozen=True):
    turn: Turn | None
    queue: tuple[Hand, ...]


class ItemView(Struct, frozen=True):
    """An agenda item and its times (ISO 8601 UTC), ``None`` while they have not come."""

    item: AgendaItem
    started_at: str | None
    ended_at: str | None


class RecordingView(Struct, frozen=True):
    """``interrupted``: the recorder is away and returns by itself; media goes on."""

    state: Literal["off", "on", "interrupted"]
    recording: str | None
    since: str | None


class ConclusionView(Struct, frozen=True):
    id: str
    item: str | None
    task: str
    lead: str
    cooperating: str
    deadline: str | None
    at: str


class TimelineEntry(Struct, frozen=True):
    """One line of the secretary's time line: which event, when, about whom; ``detail`` is free text or an item id."""

    seq: int
    at: str
    kind: str
    site: str | None
    detail: str | None


class MarkView(Struct, frozen=True):
    id: str
    at: str
    note: str


class MeetingView(Struct, frozen=True):
    id: str
    title: str
    body: str
    starts_at: str
    ends_at: str
    state: Literal["waiting", "open", "adjourned"]
    opened_at: str | None
    adjourned_at: str | None
    turn_minutes: int
    microphones: Literal["by_floor", "free"]


class Snapshot(Struct, frozen=True):
    """The whole Room as one client sees it after the event ``seq``."""

    seq: int
    now: str
    me: str
    meeting: MeetingView
    sites: dict[str, SiteView]
    current_item: str | None
    agenda: tuple[ItemView, ...]
    floor: FloorView
    share: str | None
    recording: RecordingView
    conclusions: tuple[ConclusionView, ...]
    marks: tuple[MarkView, ...]
    timeline: tuple[TimelineEntry, ...]


# -- Letters: server → browser ---------------------------------------------------------------------------------------


class Message(Struct, frozen=True, tag_field="kind", tag=str):
    """What a letter says. Each replaces one part of the snapshot."""


class MeetingChanged(Message, frozen=True, tag="meeting_changed"):
    meeting: MeetingView


class SitesChanged(Message, frozen=True, tag="sites_changed"):
    """The named sites replace the earlier ones; the others stay."""

    sites: dict[str, SiteView]


class AgendaChanged(Message, frozen=True, tag="agenda_changed"):
    current_item: str | None
    agenda: tuple[ItemView, ...]


class FloorChanged(Message, frozen=True, tag="floor_changed"):
    floor: FloorView


class ShareChanged(Message, frozen=True, tag="share_changed"):
    share: str | None


class RecordingChanged(Message, frozen=True, tag="recording_changed"):
    recording: RecordingView


class ConclusionsChanged(Message, frozen=True, tag="conclusions_changed"):
    conclusions: tuple[ConclusionView, ...]


class MarksChanged(Message, frozen=True, tag="marks_changed"):
    marks: tuple[MarkView, ...]


class TimelineGrew(Message, frozen=True, tag="timeline_grew"):
    entries: tuple[TimelineEntry, ...]


class Seated(Message, frozen=True, tag="seated"):
    """You were admitted from the lobby: call ``enter`` again."""


class TurnedAway(Message, frozen=True, tag="turned_away"):
    """You may not come in, or your seat was taken over by another device of yours."""

    reason: Literal["refused", "replaced", "adjourned", "cancelled"]


class InvitedToSpeak(Message, frozen=True, tag="invited_to_speak"):
    """You have the floor; the browser opens the microphone only where consent was given."""

    seconds: int


class SlotChanged(Message, frozen=True, tag="slot_changed"):
    """Whom your receiving slots show, by slot name; ``None`` is an empty slot. Of the moment, without ``seq``."""

    slots: dict[str, str | None]


class Speaking(Message, frozen=True, tag="speaking"):
    """Who is heard now (site ids, loudest first). Of the moment, without ``seq``."""

    sites: tuple[str, ...]


class SendEncodings(Message, frozen=True, tag="send_encodings"):
    """Which encodings of one of your videos anybody takes, by rid, whole: the others need not be sent until a later
    letter names them. Of the moment, without ``seq``; for videos of several encodings only."""

    source: Source
    rids: tuple[str, ...]


class MediaLost(Message, frozen=True, tag="media_lost"):
    """The relay is away; ``MediaReady`` follows. Of the moment, without ``seq``."""


class MediaReady(Message, frozen=True, tag="media_ready"):
    """A relay is there: call ``enter`` with ``resume`` false to make your media anew."""


AnyMessage = (
    MeetingChanged
    | SitesChanged
    | AgendaChanged
    | FloorChanged
    | ShareChanged
    | RecordingChanged
    | ConclusionsChanged
    | MarksChanged
    | TimelineGrew
    | Seated
    | TurnedAway
    | InvitedToSpeak
    | SlotChanged
    | Speaking
    | SendEncodings
    | MediaLost
    | MediaReady
)

EVERYONE = "*"
OFFICERS = "officers"


class Letter(Struct, frozen=True):
    """A message with its addressee: a site id, ``EVERYONE`` seated, or ``OFFICERS`` (chair and secretaries)."""

    to: str
    message: AnyMessage


class Posted(Struct, frozen=True):
    """The event ``letter`` as it travels: with it the client has seen the log from ``after`` to ``seq``.

    A client whose last number is below ``after`` has missed something and calls ``resync``. Both are ``None`` in
    letters of the moment.
    """

    after: int | None
    seq: int | None
    messages: tuple[AnyMessage, ...]


# -- Calls -----------------------------------------------------------------------------------------------------------


class Enter(Struct, frozen=True, forbid_unknown_fields=True):
    """The first call. ``resume``: I still hold my media objects of ``endpoint``; keep them if the relay has them.

    ``acknowledged``: the recording notice was read and confirmed on the join page.
    """

    rtp_capabilities: MediaParameters
    person: Line
    people: Annotated[int, Meta(ge=1, le=10_000)] = 1
    listen_only: bool = False
    acknowledged: bool = False
    devices: Devices = Devices()
    resume: bool = False
    endpoint: Id | None = None


class SlotOffer(Struct, frozen=True):
    """One receiving slot as mediasoup-client consumes it. ``name``: ``stage-video``, ``stage-audio``, ``audio-1`` …"""

    name: str
    id: str
    producer_id: str
    kind: Literal["audio", "video"]
    rtp_parameters: MediaParameters


class IceServer(Struct, frozen=True):
    """A server that carries media where nothing else gets through, as ``RTCIceServer``; good for some hours."""

    urls: tuple[str, ...]
    username: str
    credential: str


class MediaOffer(Struct, frozen=True):
    """What the browser makes its media from: capabilities, transports, slots. ``send`` is ``None`` for listen-only."""

    endpoint: str
    router_rtp_capabilities: MediaParameters
    send: MediaParameters | None
    receive: MediaParameters
    slots: tuple[SlotOffer, ...]
    shows: dict[str, str | None]
    ice_servers: tuple[IceServer, ...] = ()


class Entered(Struct, frozen=True):
    """The answer to ``enter``. ``waiting``: you are in the lobby and ``snapshot`` tells only the meeting.

    ``media`` is ``None`` in the lobby, when the earlier media goes on (``resumed``), or while no relay is there
    (``MediaReady`` follows).
    """

    waiting: bool
    resumed: bool
    snapshot: Snapshot
    media: MediaOffer | None


class NewProducer(Struct, frozen=True, forbid_unknown_fields=True):
    source: Source
    kind: Literal["audio", "video"]
    rtp_parameters: MediaParameters


class ConnectMedia(Struct, frozen=True, forbid_unknown_fields=True):
    """DTLS parameters of both transports and the first producers, in one call."""

    receive: MediaParameters | None = None
    send: MediaParameters | None = None
    producers: Annotated[tuple[NewProducer, ...], Meta(max_length=3)] = ()


class RestartIce(Struct, frozen=True, forbid_unknown_fields=True):
    """The media of ``endpoint`` look for their path anew, after a change of network. Answer: ``IceRestarted``."""

    endpoint: Id


class IceRestarted(Struct, frozen=True):
    """ICE parameters for ``restartIce`` of both transports, and servers to look through besides."""

    receive: MediaParameters
    send: MediaParameters | None
    ice_servers: tuple[IceServer, ...] = ()


class Produce(Struct, frozen=True, forbid_unknown_fields=True):
    """A later producer (a screen, a camera switched on for the first time)."""

    producer: NewProducer
    send: MediaParameters | None = None


class CloseProducer(Struct, frozen=True, forbid_unknown_fields=True):
    source: Source


class Look(Struct, frozen=True, forbid_unknown_fields=True):
    """What this browser shows of the media of ``endpoint``. Of the moment, for this browser only; never in the log.

    ``sites``: whom the tiles should show, in this order, the page of the strip; empty: the order that all have.
    Heights are those in which stage and tiles are drawn, in device pixels and steps of 90; 0: not shown, so that no
    picture is sent there.
    """

    endpoint: Id
    sites: Annotated[tuple[Id, ...], Meta(max_length=16)] = ()
    stage_height: Height = 1080
    tile_height: Height = 360


class ReportQuality(Struct, frozen=True, forbid_unknown_fields=True):
    """The network in a word, as the browser measures it, for the technician's wall."""

    quality: Quality


class Failure(Struct, frozen=True):
    """Why a call was refused: a stable code and the facts that fill its sentence."""

    code: str
    facts: dict[str, str | int] = {}
