from __future__ import annotations

from dataclasses import dataclass

from guest import Guest

from bench.office import Office
from bench.product import Product


@dataclass
class Assembly:
    """A meeting that is open, with three sites in three browsers."""

    product: Product
    office: Office
    chair: Guest
    north: Guest
    south: Guest

    @property
    def guests(self) -> tuple[Guest, Guest, Guest]:
        return self.chair, self.north, self.south
