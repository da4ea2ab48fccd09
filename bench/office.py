"""An office set up through the product's own API: units, people, a meeting that is invited, and its tickets."""

from __future__ import annotations

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, Literal

from bench.product import TRUSTING

PASSWORD = "mot-mat-khau-rat-dai"
PATIENCE = 30.0
_LINK = re.compile(r"https?://\S+/join/[\w.-]+")


class Refused(Exception):
    """The product refused a request: status and body."""


class Person:
    """Somebody with a browser of their own: keeps cookies, sends the Origin that a browser sends."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), urllib.request.HTTPSHandler(context=TRUSTING)
        )

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON. Raises ``Refused``."""
        request = urllib.request.Request(
            f"{self._url}/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Origin": self._url, "Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode()) from error


@dataclass(frozen=True)
class Seat:
    """A site to invite: the name on its plate, who speaks for it, its role."""

    unit: str
    person: str
    role: Literal["chair", "secretary", "delegate", "observer"]

    @property
    def email(self) -> str:
        return f"{abs(hash((self.unit, self.person)))}@donvi.example"


CHAIR = Seat("Điểm cầu chính", "Vũ Đình Khải", "chair")
CLERK = Seat("Văn phòng UBND tỉnh", "Hoàng Thị Nhàn", "secretary")
NORTH = Seat("UBND xã Hương Sơn", "Nguyễn Thị Hòa", "delegate")
SOUTH = Seat("UBND phường Trần Phú", "Trần Văn Bảo", "delegate")


@dataclass
class Office:
    """``tickets`` maps a seat to the address of its join page, as written in its invitation."""

    url: str
    administrator: Person
    meeting: str = ""
    tickets: dict[Seat, str] = field(default_factory=dict[Seat, str])

    @classmethod
    def found(cls, url: str, first_link: str) -> Office:
        """The first administrator takes the one-time link."""
        administrator = Person(url)
        token = first_link.rpartition("/")[2]
        account = {"password": PASSWORD, "username": "quantri", "name": "Quản trị"}
        administrator.ask("POST", f"/links/{token}", account)
        return cls(url, administrator)

    def convene(self, seats: tuple[Seat, ...], *, title: str = "Họp giao ban tháng 11", **changes: object) -> None:
        """Invites the seats to a meeting that begins now, and reads the tickets from the mails."""
        self._invite(seats, title, changes)
        self.tickets = {seat: self._ticket(seat) for seat in seats}

    def convene_many(self, seats: tuple[Seat, ...], outbox: Path, *, title: str = "Họp trực tuyến toàn tỉnh") -> None:
        """The same for hundreds of seats: the mails are read from the product's ``outbox`` folder, as they come."""
        self._invite(seats, title, {})
        waiting = {seat.email: seat for seat in seats}
        read, end = set[str](), time.monotonic() + PATIENCE + 0.2 * len(seats)
        while waiting and time.monotonic() < end:
            for mail in outbox.glob("[0-9]*-REQUEST-*.eml"):
                if mail.name in read:
                    continue
                read.add(mail.name)
                letter = message_from_bytes(mail.read_bytes(), policy=default)
                seat = next((waiting[to.addr_spec] for to in letter["To"].addresses if to.addr_spec in waiting), None)
                body = letter.get_body(("plain",))
                if seat is not None and body is not None and (found := _LINK.search(body.get_content())):
                    self.tickets[waiting.pop(seat.email)] = found[0]
            time.sleep(0.1)
        if waiting:
            raise TimeoutError(f"no invitation for {len(waiting)} of {len(seats)} sites")

    def _invite(self, seats: tuple[Seat, ...], title: str, changes: dict[str, object]) -> None:
        ask = self.administrator.ask
        body = ask("POST", "/units", {"name": "UBND tỉnh Hà Nam Ninh", "symbol": "UBND", "place": "Hà Nam Ninh"})
        begins = datetime.now(UTC).replace(microsecond=0)
        draft = ask("POST", "/meetings")
        saved = ask(
            "PUT",
            f"/meetings/{draft['id']}",
            {
                "revision": draft["revision"],
                "title": title,
                "unit": body["id"],
                "starts_at": begins.isoformat(),
                "ends_at": (begins + timedelta(hours=3)).isoformat(),
                "urgent": True,
                "place": "Phòng họp số 2",
                "request": "Chuẩn bị báo cáo theo chương trình.",
                "contact": "Hoàng Thị Nhàn, 0912 000 000",
                "signer_title": "Chánh Văn phòng",
                "signer_name": "Đỗ Minh Thuận",
                "agenda": [{"title": "Kinh tế - xã hội"}, {"title": "Tiến độ giải phóng mặt bằng"}],
                "sites": [
                    {"role": seat.role, "name": seat.unit, "person_name": seat.person, "email": seat.email}
                    for seat in seats
                ],
                **changes,
            },
        )
        self.meeting = saved["id"]
        ask("POST", f"/meetings/{self.meeting}/invite")

    def _ticket(self, seat: Seat) -> str:
        """The personal link of the seat's invitation."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for mail in self.administrator.ask("GET", "/outbox"):
                if seat.email in mail["to"] and mail["method"] == "REQUEST":
                    view = self.administrator.ask("GET", f"/outbox/{mail['name']}")
                    if found := _LINK.search(view["text"]):
                        return found[0]
            time.sleep(0.1)
        raise TimeoutError(f"no invitation for {seat.unit}")
