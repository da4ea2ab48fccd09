"""One that only watches: an endpoint at the relay beside the seats, fed with the stage."""

from __future__ import annotations

import logging

from media.link import RelayError
from media.messages import CloseEndpoint, ConnectEndpoint, EndpointOffer, MediaParameters, OpenEndpoint
from media.span import Span
from meetings.errors import Unavailable
from signaling.doors.terms import Playback

log = logging.getLogger("nghisu.doors")


class Player:
    def __init__(self, meeting: str, relay: Span) -> None:
        self._meeting, self._relay = meeting, relay

    async def open(self, endpoint: str, wanted: Playback, dtls: MediaParameters) -> EndpointOffer:
        """Raises ``Unavailable``."""
        slots = tuple(wanted.slots.values())
        try:
            made = await self._relay.open_endpoint(
                OpenEndpoint(self._meeting, endpoint, False, wanted.rtp_capabilities, slots)
            )
            await self._relay.connect_endpoint(ConnectEndpoint(self._meeting, endpoint, dtls, None, ()))
        except RelayError as error:
            raise Unavailable("media_unavailable", reason=error.code) from error
        return made

    async def close(self, endpoint: str) -> None:
        try:
            await self._relay.close_endpoint(CloseEndpoint(self._meeting, endpoint))
        except RelayError as error:
            log.info("endpoint %s is left to the relay: %s", endpoint, error)
