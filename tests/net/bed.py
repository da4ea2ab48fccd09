"""A centre and its sites, each behind a line of its own; all of it gone when the block ends."""

from __future__ import annotations

from types import TracebackType

from tests.net.namespace import Namespace, sweep
from tests.net.site import Site


class Bed:
    """``with Bed("near", "far") as bed``: the centre has ``bed.address``, ``bed.sites["far"]`` a line to change.

    Raises ``BedUnavailable`` where this machine cannot do it.
    """

    address = "10.77.0.1"
    second_address = "10.77.0.2"
    """For a service that needs port 443 beside the pages."""

    def __init__(self, *names: str) -> None:
        self.swept = sweep()
        self.sites: dict[str, Site] = {}
        self.centre = Namespace("centre")
        try:
            for address in (self.address, self.second_address):
                self.centre.ip("address", "add", f"{address}/32", "dev", "lo")
            for number, name in enumerate(names, 1):
                self.sites[name] = Site(self.centre, number)
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        for site in self.sites.values():
            site.remove()
        self.centre.remove()

    def __enter__(self) -> Bed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
