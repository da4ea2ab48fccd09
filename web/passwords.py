"""Passwords as argon2id hashes (RFC 9106). Each takes 64 MiB and tens of milliseconds: in threads, two at a time."""

from __future__ import annotations

import asyncio
import base64

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None, at_once: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(at_once)

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, kept: str | None) -> bool:
        """Whether the password belongs to the kept hash. ``None`` (no such account) takes the same time and fails."""
        async with self._turn:
            return await asyncio.to_thread(self._verify, password, kept or self._nobody())

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    def _nobody(self) -> str:
        """A well-formed hash that no password has, of the same cost."""

        def zeros(length: int) -> str:
            return base64.b64encode(bytes(length)).decode().rstrip("=")

        h = self._hasher
        cost = f"m={h.memory_cost},t={h.time_cost},p={h.parallelism}"
        return f"$argon2id$v=19${cost}${zeros(h.salt_len)}${zeros(h.hash_len)}"
