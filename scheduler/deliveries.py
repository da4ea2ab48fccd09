"""How the letters of a meeting fare."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from scheduler.tables import DeliveryRow

Delivery = Literal["none", "queued", "sent", "failed"]


async def deliveries(session: AsyncSession, meeting: str) -> dict[str, Delivery]:
    """The fate of the latest invitation of each site; a site that was sent none is absent."""
    rows = await session.execute(
        select(DeliveryRow.site_id, DeliveryRow.state)
        .where(DeliveryRow.meeting_id == meeting, DeliveryRow.method == "REQUEST", DeliveryRow.state != "superseded")
        .order_by(DeliveryRow.sequence)
    )
    fates: dict[str, Delivery] = {}
    for site, state in rows:
        fates[site] = "sent" if state == "sent" else "failed" if state == "failed" else "queued"
    return fates
