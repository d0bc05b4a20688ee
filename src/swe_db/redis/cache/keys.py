"""Names of the cache's keys in Redis.

The user's name of an entry is the hash tag, so that an entry, its lock and its guard lie in one slot of a cluster.
Braces and per cent signs in a name are written `%7B`, `%7D` and `%25`.
"""

from __future__ import annotations

import re
from typing import Final

from swe_db.errors import CacheTypeError, ConfigError

__all__ = ["Keys"]

QUOTED: Final = str.maketrans({"{": "%7B", "}": "%7D", "%": "%25"})
SPECIAL_TO_GLOB: Final = re.compile(r"[\[\]*?\\^]")
SURROGATE: Final = re.compile("[\ud800-\udfff]")
CLASS_WITH_BRACES: Final = re.compile(r"\[[^\]]*[{}%]")


class Keys:
    """The keys under one prefix.

    Args:
        prefix: What every key begins with.

    Raises:
        ConfigError: The prefix is empty, or has a brace but no hash tag.
    """

    def __init__(self, prefix: str) -> None:
        if not prefix or (("{" in prefix or "}" in prefix) and not re.match(r"[^{}]*\{[^{}]+\}", prefix)):
            raise ConfigError(f"prefix is {prefix!r}: give text, with braces only around a hash tag, like '{{app}}'")
        self._prefix = prefix

    def entry(self, name: str) -> str:
        """Return where the entry of this name is."""
        return f"{self._prefix}:v:{{{_quoted(name)}}}"

    def lock(self, name: str) -> str:
        """Return where it is said that somebody computes the entry."""
        return f"{self._prefix}:l:{{{_quoted(name)}}}"

    def guard(self, name: str) -> str:
        """Return where the generation of an entry that is computed is."""
        return f"{self._prefix}:g:{{{_quoted(name)}}}"

    def tag(self, name: str) -> str:
        """Return where the generation of a tag is."""
        return f"{self._prefix}:t:{{{_quoted(name)}}}"

    def matching(self, kinds: str, glob: str) -> str:
        """Return the pattern for SCAN of all keys of some kinds whose names match a glob.

        Raises:
            ConfigError: The glob has a brace or a per cent sign in square brackets.
        """
        if CLASS_WITH_BRACES.search(glob):
            raise ConfigError(f"the glob {glob!r} has a brace or a per cent sign in square brackets: write two globs")
        prefix = SPECIAL_TO_GLOB.sub(r"\\\g<0>", self._prefix)
        return f"{prefix}:[{kinds}]:{{{_quoted(glob)}}}"


def _quoted(name: str) -> str:
    if not isinstance(name, str):
        raise CacheTypeError(f"the key {name!r} is no text: 1 and '1' must not be the same key")
    if not name.isascii() and SURROGATE.search(name):
        raise CacheTypeError(f"the key {name!r} is not Unicode")
    if "{" in name or "}" in name or "%" in name:
        return name.translate(QUOTED)
    return name or "%"  # no name at all is no hash tag
