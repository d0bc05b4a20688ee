"""What the cache does, as steps: entries one by one, many at once, counters, tags, patterns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from swe_db.errors import CacheTypeError, ConfigError
from swe_db.redis.cache.codec import Packer, dumps
from swe_db.redis.cache.codec_shapes import Hint, shape_of
from swe_db.redis.cache.entry import SEEN, Entry, entry_of, token
from swe_db.redis.cache.keys import Keys
from swe_db.redis.durations import Duration, milliseconds
from swe_db.redis.steps import Batch, Command, Nodes, Script, ScriptCall, Steps

__all__ = ["CacheCore", "Look", "Permit"]

READ: Final = Script("cache/read.lua")
BEGIN: Final = Script("cache/begin.lua")
STORE: Final = Script("cache/store.lua")
RELEASE: Final = Script("cache/release.lua")
GENERATION: Final = Script("cache/generation.lua")
INCR: Final = Script("cache/incr.lua")
DELETE: Final = Script("cache/delete.lua")

# How long a computation may take and still be stored; it is the life of a guard whose computation never ended.
GUARDED_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Look:
    """What is under a key.

    Attributes:
        seen: How the entry begins, by which it is told from another; empty if there is none.
        entry: The entry; None if there is none, or none that counts.
        left_ms: How many milliseconds it has left; None if it does not expire, or if that was not asked for.
    """

    seen: bytes
    entry: Entry | None
    left_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """The leave to compute an entry's value.

    Attributes:
        name: The entry's name.
        token: Who has the lock.
        generation: The generation of the entry under which the computation runs.
        seen: How the entry began that was there before.
        generations: The generations of the tags.
    """

    name: str
    token: bytes
    generation: bytes
    seen: bytes
    generations: Mapping[str, bytes]


class CacheCore:
    """The cache under one prefix.

    Args:
        prefix: What every key begins with.
        default_ttl: How long an entry lives for which nobody says it; None: for ever.
        lease: How long one caller may compute before another may, too.
    """

    def __init__(self, prefix: str, default_ttl: Duration | None, lease: Duration) -> None:
        self.keys: Final = Keys(prefix)
        self._default_ms = None if default_ttl is None else milliseconds(default_ttl, "default_ttl")
        self._lease_ms = milliseconds(lease, "lease")
        self._packer = Packer()

    def life(self, ttl: Duration | None) -> int | None:
        """Return how long an entry lives, in milliseconds; None: for ever."""
        return self._default_ms if ttl is None else milliseconds(ttl, "ttl")

    def get(self, name: str, default: object, hint: Hint) -> Steps[Any]:
        """Return the value of an entry."""
        data = yield Command(("GET", self.keys.entry(name)))
        if data is None:
            return default
        entry = entry_of(data)
        if entry.generations and not (yield from self._hold([entry])):
            return default
        with _named(name):
            return shape_of(hint).loads(entry.payload)

    def get_many(self, names: Iterable[str], hint: Hint) -> Steps[dict[str, Any]]:
        """Return the values of those entries that are there."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, Entry] = {}
        answers = yield from self._fetched([self.keys.entry(name) for name in wanted])
        for name, data in zip(wanted, answers, strict=True):
            if data is not None:
                found[name] = entry_of(data)
        current = yield from self._generations(found.values())
        shape, values = shape_of(hint), {}
        for name, entry in found.items():
            if _holds(entry, current):
                with _named(name):
                    values[name] = shape.loads(entry.payload)
        return values

    def set(self, name: str, value: object, ttl: Duration | None, tags: Sequence[str], *, nx: bool) -> Steps[bool]:
        """Store a value."""
        with _named(name):
            entry = Entry(dumps(value, self._packer))
        life = self.life(ttl)
        if tags:
            entry = replace(entry, generations=(yield from self.begun_generations(tags, life)))
        data = entry.dumps()
        if nx:
            return (yield from self._add(name, data, life))
        yield self._set(name, data, life)
        return True

    def set_many(self, values: Mapping[str, object], ttl: Duration | None, tags: Sequence[str]) -> Steps[None]:
        """Store values, or none if one cannot be stored."""
        entries = {}
        for name, value in values.items():
            with _named(name):
                entries[name] = Entry(dumps(value, self._packer))
        life = self.life(ttl)
        generations = (yield from self.begun_generations(tags, life)) if tags else {}
        yield from _together(
            self._set(name, replace(entry, generations=generations).dumps(), life) for name, entry in entries.items()
        )

    def delete(self, names: Iterable[str]) -> Steps[int]:
        """Delete entries, and see to it that what is being computed for them is not stored."""
        return sum((yield from _together(DELETE(self._own_keys(name)) for name in dict.fromkeys(names))))

    def delete_pattern(self, glob: str, batch: int) -> Steps[int]:
        """Delete the entries whose names match; the guards first, so that none is stored behind the scan's back."""
        if batch < 1:
            raise ConfigError(f"batch is {batch!r}: give how many keys to look at in one go, at least 1")
        nodes = yield Nodes()
        deleted = 0
        for kinds in ("lg", "v"):
            for node in nodes:
                deleted += yield from self._delete_matching(self.keys.matching(kinds, glob), batch, node, kinds)
        return deleted

    def ttl(self, name: str) -> Steps[float | None]:
        """Return how many seconds an entry has left; infinity: it does not expire; None: there is none."""
        look = yield from self.look(name, timed=True)
        if look.entry is None:
            return None
        return math.inf if look.left_ms is None else look.left_ms / 1000

    def exists(self, name: str) -> Steps[bool]:
        """Tell whether there is an entry that counts."""
        look = yield from self.look(name, timed=False)
        return look.entry is not None

    def incr(self, name: str, by: int, ttl: Duration | None) -> Steps[int]:
        """Add to a counter."""
        if type(by) is not int:
            raise CacheTypeError(f"a counter cannot go up by {by!r}: give an integer")
        life = self.life(ttl)
        if life is None:
            return int((yield Command(("INCRBY", self.keys.entry(name), by), once=True)))
        return int((yield INCR([self.keys.entry(name)], by, life, once=True)))

    def invalidate_tags(self, tags: Sequence[str]) -> Steps[None]:
        """End the generations of tags; entries that carry an ended one do not count."""
        yield from _together(Command(("UNLINK", self.keys.tag(tag))) for tag in tags)

    def look(self, name: str, *, timed: bool) -> Steps[Look]:
        """Look at an entry: whether it counts and, if `timed`, how long it has left."""
        left = -1
        if timed:
            data, left = yield READ([self.keys.entry(name)])
        else:
            data = yield Command(("GET", self.keys.entry(name)))
        if data is None:
            return Look(b"", None)
        entry = entry_of(data)
        counts = not entry.generations or (yield from self._hold([entry]))
        return Look(data[:SEEN], entry if counts else None, left if left >= 0 else None)

    def overrule(self, name: str) -> Steps[bytes]:
        """See to it that what is being computed is not stored, and return how the entry begins."""
        yield Command(("UNLINK", self.keys.lock(name), self.keys.guard(name)))
        return bytes((yield Command(("GETRANGE", self.keys.entry(name), 0, SEEN - 1))))

    def begin(self, name: str, seen: bytes, generations: Mapping[str, bytes], *, lock: bool) -> Steps[Permit | float]:
        """Ask for leave to compute; the answer may be the seconds that another one has for it, 0: look again."""
        mine = token()
        answer = yield BEGIN(self._own_keys(name), mine, seen, self._lease_ms if lock else 0, GUARDED_MS)
        if answer[0] == 1:
            return Permit(name, mine, answer[1], seen, generations)
        return max(0.001, answer[1] / 1000) if answer[0] == 0 else 0.0

    def store(self, permit: Permit, entry: Entry, life: int | None) -> Steps[bool]:
        """Store what was computed, if it still may be."""
        keys, data = self._own_keys(permit.name), entry.dumps()
        return bool((yield STORE(keys, permit.token, permit.generation, permit.seen, data, life or 0)))

    def release(self, permit: Permit) -> Steps[None]:
        """Let others compute."""
        yield RELEASE([self.keys.lock(permit.name), self.keys.guard(permit.name)], permit.token)

    def begun_generations(self, tags: Sequence[str], life: int | None) -> Steps[dict[str, bytes]]:
        """Return the generations of tags, which begin if there are none."""
        if isinstance(tags, str):
            raise CacheTypeError(f"tags is the text {tags!r}: give a list or a tuple of texts")
        wanted, new = list(dict.fromkeys(tags)), token()
        tags_ms = 0 if life is None else life + GUARDED_MS
        answers = yield from _together(GENERATION([self.keys.tag(tag)], new, tags_ms) for tag in wanted)
        return dict(zip(wanted, answers, strict=True))

    def _own_keys(self, name: str) -> list[str]:
        return [self.keys.entry(name), self.keys.lock(name), self.keys.guard(name)]

    def _set(self, name: str, data: bytes, life: int | None) -> Command:
        key = self.keys.entry(name)
        return Command(("SET", key, data) if life is None else ("SET", key, data, "PX", life))

    def _add(self, name: str, data: bytes, life: int | None) -> Steps[bool]:
        """Store an entry if there is none that counts."""
        command = self._set(name, data, life)
        if (yield Command((*command.arguments, "NX"), once=True)):
            return True
        look = yield from self.look(name, timed=False)
        if look.entry is not None:
            return False
        permit = yield from self.begin(name, look.seen, {}, lock=False)
        return isinstance(permit, Permit) and (yield from self.store(permit, Entry(data), life))

    def _hold(self, entries: Iterable[Entry]) -> Steps[bool]:
        current = yield from self._generations(entries)
        return all(_holds(entry, current) for entry in entries)

    def _generations(self, entries: Iterable[Entry]) -> Steps[dict[str, bytes | None]]:
        """Return the generations that the tags of some entries have now."""
        tags = list(dict.fromkeys(tag for entry in entries for tag in entry.generations))
        answers = yield from self._fetched([self.keys.tag(tag) for tag in tags])
        return dict(zip(tags, answers, strict=True))

    def _fetched(self, keys: Sequence[str]) -> Steps[list[bytes | None]]:
        if len(keys) > 1 and (yield Nodes()) == [None]:
            return list((yield Command(("MGET", *keys))))
        return (yield from _together(Command(("GET", key)) for key in keys))

    def _delete_matching(self, pattern: str, batch: int, node: object, kinds: str) -> Steps[int]:
        cursor, deleted = 0, 0
        while True:
            answer = yield Command(("SCAN", cursor, "MATCH", pattern, "COUNT", batch), node=node)
            cursor, keys = answer
            if isinstance(cursor, dict):  # redis-py's answer of a cluster: the cursor of each node
                (cursor,) = cursor.values()
            if keys and node is None:
                deleted += yield Command(("UNLINK", *keys))
            else:
                deleted += sum((yield from _together(Command(("UNLINK", key)) for key in keys)))
            if not cursor:
                return deleted if kinds == "v" else 0


def _together(steps: Iterable[Command | ScriptCall]) -> Steps[list[Any]]:
    """Send commands in one go. One alone is sent by itself: redis-py before 5.1 does not send a lost batch again."""
    steps = tuple(steps)
    if len(steps) == 1:
        return [(yield steps[0])]
    return list((yield Batch(steps))) if steps else []


def _holds(entry: Entry, current: Mapping[str, bytes | None]) -> bool:
    return all(current[tag] == generation for tag, generation in entry.generations.items())


class _named:  # noqa: N801 - it is used like a function
    """Says in an error which entry it is about."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CacheTypeError):
            raise CacheTypeError(f"the cache entry {self._name!r}: {error}") from error.__cause__
