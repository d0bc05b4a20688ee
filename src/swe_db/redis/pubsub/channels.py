"""The names of channels, with a prefix on the wire and without it where the user sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Channels"]

GLOB = r"([*?\[\]\\^-])"


@dataclass(frozen=True, slots=True)
class Channels:
    """Adds a prefix and takes it off.

    Attributes:
        prefix: Comes before every channel with a colon between, if there is one.
    """

    prefix: str

    def name(self, channel: str) -> bytes:
        """Return a channel's name on the wire."""
        return self._start(self.prefix) + channel.encode(errors="surrogateescape")

    def pattern(self, pattern: str) -> bytes:
        """Return a pattern for the wire; what looks like a glob in the prefix is taken as it is."""
        return self._start(re.sub(GLOB, r"\\\1", self.prefix)) + pattern.encode(errors="surrogateescape")

    def plain(self, name: bytes) -> str:
        """Return the channel's name as the user knows it."""
        return name[len(self.name("")) :].decode(errors="surrogateescape")

    def plain_pattern(self, name: bytes) -> str:
        """Return the pattern as the user knows it."""
        return name[len(self.pattern("")) :].decode(errors="surrogateescape")

    @staticmethod
    def _start(prefix: str) -> bytes:
        return f"{prefix}:".encode(errors="surrogateescape") if prefix else b""
