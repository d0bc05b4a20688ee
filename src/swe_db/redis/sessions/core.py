"""How sessions are kept on Redis: what both managers do.

A token is `id.secret`: the id names the session's key, of the secret only a hash is kept. Everything about a session is
one hash under one key, so that each script sees and changes all of it at once, on a cluster too:

    {prefix}:session:{id}      user, hash, version, created, seen, last, idle, data:…; after a rotation replaced, nonce,
                               repeatable; after an update changes
    {prefix}:sessions:{user}   the ids of a user's sessions, each with the time at which it is forgotten

The scripts compare hashes with `~=`, which takes longer the more characters agree. That tells nothing: who could find
secrets whose hashes begin like the stored one would learn that hash, and a hash leads to no secret of 256 random bits.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from swe_db.errors import ConfigError, RedisServiceError, SessionGoneError
from swe_db.redis.durations import Duration, milliseconds
from swe_db.redis.sessions.data import decoded, encoded, is_unicode
from swe_db.redis.steps import Batch, Command, Script, Steps

__all__ = ["Session", "SessionCore", "Token"]

CREATE: Final = Script("sessions/create.lua")
GET: Final = Script("sessions/get.lua")
UPDATE: Final = Script("sessions/update.lua")
ROTATE: Final = Script("sessions/rotate.lua")
DELETE: Final = Script("sessions/delete.lua")
LOOK: Final = Script("sessions/look.lua")
INDEX_ADD: Final = Script("sessions/index_add.lua")
INDEX: Final = Script("sessions/index.lua")

LONGEST: Final = 100 * 365 * 86_400_000  # ms
# 128 and 256 bits in URL-safe base64.
TOKEN: Final = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as it was when it was read.

    Attributes:
        id: The public part of its token: enough to name it, not enough to use it.
        user_id: Whose it is.
        data: What was kept in it. To change that, call `update`: changing this copy changes nothing in Redis.
        version: 1 when it is new, one more with every update.
        created_at: When it was created, as all times here in UTC by the server's clock.
        last_seen: When it was used last, before this copy was read or by reading it.
        expires_at: When it ends if nobody uses it again.
        ends_at: When it ends in any case.
    """

    id: str
    user_id: str
    data: dict[str, Any] = dataclasses.field(repr=False)
    version: int
    created_at: datetime
    last_seen: datetime
    expires_at: datetime
    ends_at: datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """A token; what is printed of it is its public part."""

    id: str
    secret: str = dataclasses.field(repr=False)

    @classmethod
    def new(cls) -> Token:
        """Return one that nobody has."""
        return cls(secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    @classmethod
    def read(cls, token: str | None) -> Token | None:
        """Return what a token says, None if it is none."""
        if token is None:
            return None
        if not isinstance(token, str):
            raise ConfigError(f"the token is a {type(token).__name__}: give the text that `create` returned")
        found = TOKEN.fullmatch(token)
        return None if found is None else cls(found[1], found[2])

    @property
    def text(self) -> str:
        """What the user's browser keeps."""
        return f"{self.id}.{self.secret}"

    @property
    def digest(self) -> str:
        """What is kept of the secret."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def successor(self, nonce: str) -> Token:
        """Return the token that follows: nobody can tell it without both the old secret and the nonce."""
        secret = hmac.digest(self.secret.encode(), nonce.encode(), "sha256")
        return Token(self.id, base64.urlsafe_b64encode(secret).decode().rstrip("="))


@dataclasses.dataclass(frozen=True, slots=True)
class SessionCore:
    """The core of both managers; durations are in milliseconds."""

    prefix: str
    idle: int
    absolute: int
    rotation_grace: int

    @classmethod
    def configured(cls, prefix: object, idle: Duration, absolute: Duration, rotation_grace: Duration) -> SessionCore:
        """Return the core for what a user configured."""
        if not isinstance(prefix, str) or not prefix:
            raise ConfigError(f"the prefix is {prefix!r}: give text that is not empty")
        durations = {"idle": idle, "absolute": absolute, "rotation_grace": rotation_grace}
        return cls(prefix, **{name: _lasting(duration, name) for name, duration in durations.items()})

    def create(self, user_id: str, data: Mapping[str, Any] | None) -> Steps[tuple[str, Session]]:
        """Create a session."""
        index = self._index(user_id)
        fields = encoded({} if data is None else data)
        token = Token.new()
        answer = yield CREATE([self._key(token.id)], user_id, token.digest, self.idle, self.absolute, *fields)
        session = _session(token.id, answer)
        if session is None:
            raise RedisServiceError("the new session was not kept: another one has its id, or its time is over already")
        # After the session, so that an entry whose session is not there can always be dropped. If this fails, nobody
        # ever gets the token.
        yield INDEX_ADD([index], token.id, round(session.ends_at.timestamp() * 1000))
        return token.text, session

    def get(self, text: str | None) -> Steps[Session | None]:
        """Return a session and note its use."""
        token = Token.read(text)
        if token is None:
            return None
        return _session(token.id, (yield GET([self._key(token.id)], token.digest)))

    def update(self, text: str | None, patch: Mapping[str, Any], version: int | None) -> Steps[bool]:
        """Change a session's data; the name of the change is made once, so that a repeat of the step has the same."""
        if version is not None and type(version) is not int:
            raise ConfigError(f"expected_version is {version!r}: give the `version` of a session")
        token, fields = Token.read(text), encoded(patch)
        if token is None:
            return False
        expected = "" if version is None else version
        answer = yield UPDATE([self._key(token.id)], token.digest, expected, secrets.token_hex(8), *fields)
        return bool(answer)

    def rotate(self, text: str | None) -> Steps[str]:
        """Replace a token; the answer's nonce may be that of an earlier call whose reply was lost."""
        token = Token.read(text)
        if token is not None:
            nonce = secrets.token_hex(32)
            new = token.successor(nonce)
            arguments = token.digest, new.digest, nonce, self.rotation_grace
            answer = yield ROTATE([self._key(token.id)], *arguments)
            if answer is not None:
                return token.successor(answer.decode()).text
        raise SessionGoneError("the session has ended, or its token was replaced: let the user log in again")

    def delete(self, text: str | None) -> Steps[None]:
        """End a session, then forget it."""
        token = Token.read(text)
        if token is None:
            return
        user = yield DELETE([self._key(token.id)], token.digest)
        if user is not None:
            yield Command(("ZREM", self._index(user.decode()), token.id))

    def list(self, user_id: str) -> Steps[tuple[Session, ...]]:
        """Return a user's sessions and forget those that have ended."""
        index = self._index(user_id)
        ids = yield from self._ids(index)
        if not ids:
            return ()
        answers = yield Batch(tuple(LOOK([self._key(each)]) for each in ids))
        found = [_session(each, answer) for each, answer in zip(ids, answers, strict=True)]
        gone = [each for each, session in zip(ids, found, strict=True) if session is None]
        if gone:
            yield Command(("ZREM", index, *gone))
        return tuple(sorted(filter(None, found), key=lambda session: session.created_at, reverse=True))

    def revoke_all(self, user_id: str, except_token: str | None) -> Steps[None]:
        """End a user's sessions, then forget them."""
        index = self._index(user_id)
        kept = yield from self._valid(except_token)
        ids = [each for each in (yield from self._ids(index)) if each != kept]
        if ids:
            yield Batch(tuple(Command(("DEL", self._key(each))) for each in ids))
            yield Command(("ZREM", index, *ids))

    def _valid(self, text: str | None) -> Steps[str | None]:
        """Return the id of the token's session if the token is good."""
        token = Token.read(text)
        if token is None:
            return None
        fields = _fields((yield LOOK([self._key(token.id)])))
        return token.id if hmac.compare_digest(fields.get(b"hash", b""), token.digest.encode()) else None

    def _ids(self, index: str) -> Steps[Sequence[str]]:
        return [each.decode() for each in (yield INDEX([index]))]

    def _key(self, session_id: str) -> str:
        return f"{self.prefix}:session:{session_id}"

    def _index(self, user_id: object) -> str:
        if not isinstance(user_id, str) or not user_id or not is_unicode(user_id):
            raise ConfigError(f"the user is {user_id!r}: give text that is not empty, such as str(user.id)")
        return f"{self.prefix}:sessions:{user_id}"


def _lasting(duration: Duration, name: str) -> int:
    """Return a duration in milliseconds; beyond what Redis can count a session would never end."""
    if milliseconds(duration, name) > LONGEST:
        raise ConfigError(f"{name} is {duration!r}: give at most 100 years")
    return milliseconds(duration, name)


def _fields(answer: Sequence[bytes] | None) -> dict[bytes, bytes]:
    return dict(zip(answer[::2], answer[1::2], strict=True)) if answer else {}


def _session(session_id: str, answer: Sequence[bytes] | None) -> Session | None:
    """Return the session that a script answered with."""
    fields = _fields(answer)
    if not fields:
        return None
    try:
        seen, idle, last = (int(fields[name]) for name in (b"seen", b"idle", b"last"))
        return Session(
            id=session_id,
            user_id=fields[b"user"].decode(),
            data=decoded(fields),
            version=int(fields[b"version"]),
            created_at=_moment(int(fields[b"created"])),
            last_seen=_moment(seen),
            expires_at=_moment(min(seen + idle, last)),
            ends_at=_moment(last),
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise RedisServiceError(f"the session {session_id} has content in Redis that is not ours: {error!r}") from error


def _moment(time: int) -> datetime:
    """Return a time of the server's, which is in milliseconds."""
    return datetime.fromtimestamp(time / 1000, UTC)
