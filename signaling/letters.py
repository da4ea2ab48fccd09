"""Which letters follow from a change of the Room: pure, from the Room before and after and what was said between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meetings import events as e
from signaling import protocol as p
from signaling import views
from signaling.protocol import EVERYONE, OFFICERS, Letter
from signaling.room import Room


def letters(
    before: Room, after: Room, entries: Sequence[e.Entry], presence: views.Presence, *, interrupted: bool
) -> Iterator[Letter]:
    """What everybody, the officers and single sites are told, in this order."""
    yield from _to_everyone(before, after, presence, interrupted)
    yield from _to_officers(before, after, entries)
    for entry in entries:
        yield from _to_one(entry.event)


def _to_everyone(before: Room, after: Room, presence: views.Presence, interrupted: bool) -> Iterator[Letter]:
    if (before.state, before.facts) != (after.state, after.facts):
        yield Letter(EVERYONE, p.MeetingChanged(views.meeting(after)))
    changed = _changed_sites(before, after, presence)
    if changed:
        yield Letter(EVERYONE, p.SitesChanged(changed))
    if (before.current_item, before.items, before.facts.agenda) != (
        after.current_item,
        after.items,
        after.facts.agenda,
    ):
        yield Letter(EVERYONE, p.AgendaChanged(after.current_item, views.agenda(after)))
    if (before.turn, before.queue) != (after.turn, after.queue):
        yield Letter(EVERYONE, p.FloorChanged(views.floor(after)))
    if before.share != after.share:
        yield Letter(EVERYONE, p.ShareChanged(after.share))
    if before.recording != after.recording:
        yield Letter(EVERYONE, p.RecordingChanged(views.recording(after, interrupted)))
    if before.conclusions != after.conclusions:
        yield Letter(EVERYONE, p.ConclusionsChanged(views.conclusions(after)))


def _changed_sites(before: Room, after: Room, presence: views.Presence) -> dict[str, p.SiteView]:
    """The sites that look otherwise now. Who may be heard depends on the state, the facts and the turn; all else on the
    site's own seat, so that most changes concern one site of thousands."""
    concerned = after.facts.sites
    if (before.state, before.facts, before.turn) == (after.state, after.facts, after.turn):
        moved = {id for id, seat in after.seats.items() if before.seats.get(id) is not seat}
        concerned = tuple(site for site in concerned if site.id in moved)
    earlier = {site.id: site for site in before.facts.sites}
    changed: dict[str, p.SiteView] = {}
    for of in concerned:
        live = presence.get(of.id, views.OFFLINE)
        now = views.site(after, of, live)
        was = earlier.get(of.id)
        if was is None or views.site(before, was, live) != now:
            changed[of.id] = now
    return changed


def _to_officers(before: Room, after: Room, entries: Sequence[e.Entry]) -> Iterator[Letter]:
    if before.marks != after.marks:
        yield Letter(OFFICERS, p.MarksChanged(views.marks(after)))
    lines = views.timeline(entries)
    if lines:
        yield Letter(OFFICERS, p.TimelineGrew(lines))


def _to_one(event: e.AnyEvent) -> Iterator[Letter]:
    match event:
        case e.SiteAdmitted():
            yield Letter(event.site, p.Seated())
        case e.SiteRefused():
            yield Letter(event.site, p.TurnedAway("refused"))
        case e.FloorGiven():
            yield Letter(event.site, p.InvitedToSpeak(event.seconds))
        case _:
            return
