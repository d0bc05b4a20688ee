"""What a manager does, as steps that say what is to be sent and do not send it.

A manager's core is a generator that yields a step and is sent its answer. `run` takes the steps with a client of
redis-py, `arun` with one of redis.asyncio; so both twins have one core. Errors of redis-py are thrown into the
generator, and leave it, as errors of `swe_db.errors`.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import inspect
import re
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import redis.exceptions
from redis.client import NEVER_DECODE

from swe_db.errors import AmbiguousResultError, RedisServiceError, RedisUnavailableError, SweDBError

__all__ = [
    "Batch",
    "Command",
    "Compute",
    "Connected",
    "Nodes",
    "NotSentError",
    "Pause",
    "Script",
    "ScriptCall",
    "Step",
    "Steps",
    "arun",
    "is_unreachable_cluster",
    "run",
]

T = TypeVar("T")
Argument: TypeAlias = str | bytes | int | float


class NotSentError(redis.exceptions.ConnectionError):
    """There was no connection to send a command on, so that it has certainly not run."""


# The server is not there, or not one that takes writes now: another try may succeed.
UNAVAILABLE: Final = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ClusterError,
    redis.exceptions.SlotNotCoveredError,
    redis.exceptions.MasterDownError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.TryAgainError,
    ConnectionError,
    TimeoutError,
)
# The reply to a command that was sent may be lost: nobody knows if it has run.
LOST: Final = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, ConnectionError, TimeoutError)
# Of those, these say that it has not run.
NOT_RUN: Final = (NotSentError, redis.exceptions.BusyLoadingError, redis.exceptions.MaxConnectionsError)


@dataclass(frozen=True, slots=True)
class Command:
    """One command; its answer is what the server wrote, as bytes.

    Attributes:
        arguments: The command's name and its arguments.
        once: Whether it must not be sent again when its reply is lost.
        node: Which node of a cluster it is for, one of the answer to `Nodes`; None: the one that has the key.
    """

    arguments: tuple[Argument, ...]
    once: bool = False
    node: Any = None


@dataclass(frozen=True)
class Script:
    """A Lua script in a file beside this one.

    Attributes:
        name: The file's name, `lock/acquire.lua`.
    """

    name: str

    @functools.cached_property
    def text(self) -> str:
        """What the file has."""
        return files("swe_db.redis").joinpath(self.name).read_text(encoding="utf-8")

    @functools.cached_property
    def digest(self) -> str:
        """The name under which the server knows it."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], *arguments: Argument, once: bool = False) -> ScriptCall:
        """Return the step that calls it.

        Args:
            keys: Its keys, all of one hash slot.
            arguments: Its arguments.
            once: Whether it must not be sent again when its reply is lost.
        """
        return ScriptCall(self, tuple(keys), arguments, once)


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """One call of a script, sent as EVALSHA, and as EVAL where the server does not know it yet."""

    script: Script
    keys: tuple[str, ...]
    arguments: tuple[Argument, ...]
    once: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Commands that are sent together, with those of others in between maybe; its answer is the list of theirs.

    Scripts are sent in full: a pipeline cannot be told that the server does not know one.
    """

    commands: tuple[Command | ScriptCall, ...]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Ask which nodes hold the keys; the answer is the primaries of a cluster, and None alone without one."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait.

    Attributes:
        seconds: How long.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Compute:
    """Call a function of the user's, which the asyncio twin awaits if it is a coroutine function.

    Attributes:
        function: The function.
    """

    function: Callable[[], Any]


Step: TypeAlias = Command | ScriptCall | Batch | Nodes | Pause | Compute
Steps: TypeAlias = Generator[Step, Any, T]


class Connected(Protocol):
    """Two clients of redis-py, or of redis.asyncio, on one server."""

    @property
    def raw(self) -> Any:  # noqa: ANN401 - Redis, RedisCluster and their asyncio twins have no common type
        """Sends again what may have been lost."""

    @property
    def once(self) -> Any:  # noqa: ANN401
        """Sends nothing twice."""


def run(connected: Connected, steps: Steps[T]) -> T:
    """Take the steps and return their result.

    Raises:
        RedisUnavailableError: Redis does not answer.
        AmbiguousResultError: The reply of a step that must not run twice was lost.
        RedisServiceError: Redis refuses.
    """
    try:
        step = next(steps)
        while True:
            try:
                answer = _taken(connected, step)
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - the core decides, when it is cancelled too
                step = steps.throw(_translated(error, step))
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


async def arun(connected: Connected, steps: Steps[T]) -> T:
    """Take the steps on the running event loop; the rest is as in `run`."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await _ataken(connected, step)
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - the core decides, when it is cancelled too
                step = steps.throw(_translated(error, step))
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


def _taken(connected: Connected, step: Step) -> Any:  # noqa: ANN401 - whatever Redis answers
    match step:
        case Pause():
            return time.sleep(step.seconds)
        case Compute():
            return step.function()
        case Batch():
            with connected.raw.pipeline(transaction=False) as pipeline:
                return _filled(pipeline, step).execute()
        case Nodes():
            return connected.raw.get_primaries() if _is_cluster(connected) else [None]
    client = connected.once if step.once else connected.raw
    options = _options(client, step)
    try:
        return client.execute_command(*_by_digest(step), **options)
    except redis.exceptions.NoScriptError:
        return client.execute_command(*_in_full(step), **options)


async def _ataken(connected: Connected, step: Step) -> Any:  # noqa: ANN401 - whatever Redis answers
    match step:
        case Pause():
            return await asyncio.sleep(step.seconds)
        case Compute():
            result = step.function()
            return await result if inspect.isawaitable(result) else result
        case Batch():
            async with connected.raw.pipeline(transaction=False) as pipeline:
                return await _filled(pipeline, step).execute()
        case Nodes():
            return (await connected.raw.initialize()).get_primaries() if _is_cluster(connected) else [None]
    client = connected.once if step.once else connected.raw
    options = _options(client, step)
    try:
        return await client.execute_command(*_by_digest(step), **options)
    except redis.exceptions.NoScriptError:
        return await client.execute_command(*_in_full(step), **options)


def _is_cluster(connected: Connected) -> bool:
    return hasattr(connected.raw, "get_primaries")


def _options(client: Any, step: Command | ScriptCall) -> dict[str, Any]:  # noqa: ANN401
    """Return the options of a command whose answer stays bytes.

    The client of a cluster puts some answers together from those of several nodes, by functions that take no options;
    but for that to SCAN they hold no text.
    """
    if isinstance(step, ScriptCall):
        return {NEVER_DECODE: True}
    if step.node is not None:
        return {NEVER_DECODE: True, "target_nodes": step.node}
    combined = getattr(client, "result_callbacks", ())
    return {} if step.arguments[0] in combined else {NEVER_DECODE: True}


def _filled(pipeline: Any, batch: Batch) -> Any:  # noqa: ANN401
    for command in batch.commands:
        pipeline.execute_command(*_in_full(command), **{NEVER_DECODE: True})
    return pipeline


def _by_digest(step: Command | ScriptCall) -> tuple[Argument, ...]:
    if isinstance(step, Command):
        return step.arguments
    return ("EVALSHA", step.script.digest, len(step.keys), *step.keys, *step.arguments)


def _in_full(step: Command | ScriptCall) -> tuple[Argument, ...]:
    if isinstance(step, Command):
        return step.arguments
    return ("EVAL", step.script.text, len(step.keys), *step.keys, *step.arguments)


def _translated(error: BaseException, step: Step) -> BaseException:
    """Return an error of redis-py as one of ours; what a function of the user raises stays what it is."""
    if isinstance(step, Compute | Pause) or not isinstance(error, Exception) or isinstance(error, SweDBError):
        return error
    ours: SweDBError
    if isinstance(error, redis.exceptions.AuthenticationError | redis.exceptions.AuthorizationError):
        ours = RedisServiceError(f"Redis refuses: {error}")
    elif isinstance(error, UNAVAILABLE) or is_unreachable_cluster(error):
        ours = _unavailable(error, once=isinstance(step, Command | ScriptCall) and step.once)
    elif isinstance(error, redis.exceptions.RedisError | redis.exceptions.RedisClusterException):
        ours = RedisServiceError(f"Redis refuses: {error}")
    else:
        return error
    ours.__cause__ = error
    return ours


def _unavailable(error: Exception, *, once: bool) -> RedisUnavailableError:
    is_lost = isinstance(error, LOST) or is_unreachable_cluster(error)
    if once and is_lost and not isinstance(error, NOT_RUN):
        return AmbiguousResultError(f"the command may have run or not, its reply was lost: {error}")
    return RedisUnavailableError(f"Redis does not answer: {error}")


def is_unreachable_cluster(error: Exception) -> bool:
    """Tell whether redis-py found no node of a cluster; it says so by the root of all errors about clusters.

    It looks for the other nodes when one did not answer, so the command itself may have run.
    """
    is_about_clusters = isinstance(error, redis.exceptions.RedisClusterException)
    return is_about_clusters and re.search("cannot be connected|slots are not covered", str(error)) is not None
