"""An office to look around in: ``server.py demo``. Provinces, people and meetings are made up."""

from __future__ import annotations

from sqlalchemy import select

from meetings.access import Office
from web.demo.finished import hold
from web.demo.office import People, settle
from web.demo.upcoming import convene
from web.deps import Deps
from web.links import address, for_account
from web.tables import Account

ACCOUNTS = (("thuky", "nhan", Office.SECRETARY), ("chutri", "khai", Office.MEMBER))
"""Username, whose it is, and its office."""


async def fill(deps: Deps) -> None:
    """Two provinces with units and people, an invited meeting, a finished one with film and approved minutes.

    Prints the one-time links of the secretary and the chair. Done again, it only prints new links for accounts that
    nobody has activated yet.
    """
    async with deps.database.begin() as session:
        filled = await session.scalar(select(Account.id).where(Account.username == ACCOUNTS[0][0])) is not None
    if not filled:
        people = await settle(deps)
        await _open_accounts(deps, people)
        await convene(deps, people)
        await hold(deps, people)
    await _print_links(deps)


async def _open_accounts(deps: Deps, people: People) -> None:
    async with deps.database.begin() as session:
        for username, key, office in ACCOUNTS:
            person = people[key]
            session.add(
                Account(username=username, name=person.name, office=office, person_id=person.id, created_at=deps.now())
            )


async def _print_links(deps: Deps) -> None:
    async with deps.database.begin() as session:
        for username, _, _ in ACCOUNTS:
            account = await session.scalar(select(Account).where(Account.username == username))
            if account is None:
                continue
            if account.password_hash is None:
                token, _ = await for_account(session, account, deps.now())
                print(f"{account.name} ({username}): {address(deps, token)}", flush=True)
            else:
                print(f"{account.name} ({username}): {deps.base_url}/sign-in", flush=True)
