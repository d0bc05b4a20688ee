"""What the commands share that save, bring back or replace data: where these are, and how the work is shown."""

from __future__ import annotations

import dataclasses
import functools
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import click

from swe_db.cli import options
from swe_db.environment.site import Site, Told
from swe_db.errors import ConfigError
from swe_db.servers.room import shown_size

__all__ = [
    "command_line",
    "counted_keys",
    "force_option",
    "replace_option",
    "site_options",
    "telling",
    "yes_destroy_redis_option",
]

QUIET: Final = 1.0  # seconds in which work that is nearly done is not shown
ON_TERMINAL: Final = 0.1  # seconds between two looks of the line on a terminal
ELSEWHERE: Final = 5.0  # seconds between two lines that are no terminal's
WIDTH: Final = 24

force_option: Final = click.option(
    "--force", is_flag=True, help="End the sessions of others with the database, which must not be in use for this."
)
replace_option: Final = click.option(
    "--replace", is_flag=True, help="Take the place of what is there under this name, once the new one is ready."
)
yes_destroy_redis_option: Final = click.option(
    "--yes-destroy-redis",
    metavar="HOST:PORT/N",
    help="Allow to replace the keys of the Redis of --redis-url: its place, typed out.",
)
_redis_url_option: Final = click.option(
    "--redis-url",
    metavar="URL",
    help="With --postgres-url: the Redis whose keys belong to the database, redis://:PASSWORD@host:6379/0. Without it "
    "Redis is left alone, and SWE_DB_REDIS_URL is not looked at.",
)


def site_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say where the data are; it is called with their meaning, a `Site`, as `site`."""

    @functools.wraps(function)
    def command(*arguments: Any, target: options.Target, redis_url: str | None, **given: Any) -> Any:  # noqa: ANN401
        return function(*arguments, site=_site(target, redis_url), **given)

    return options.target_options(_redis_url_option(command))


def _site(target: options.Target, redis_url: str | None) -> Site:
    """Return the site that the options name: the local environment, or servers by URL.

    Raises:
        ConfigError: They contradict each other.
    """
    if target.environment is None:
        return Site(postgres_url=target.postgres_url, redis_url=_with_number(redis_url))
    if redis_url:
        raise ConfigError(
            "--redis-url goes with --postgres-url; a local environment has a Redis of its own. Give both, or none."
        )
    from swe_db.environment.sites import local_site  # noqa: PLC0415 - not needed for help texts

    return local_site(target.environment)


def _with_number(url: str | None) -> str | None:
    """Return a Redis URL if it says which logical database is meant.

    Raises:
        ConfigError: It does not.
    """
    if url is None:
        return None
    from urllib.parse import parse_qs, urlsplit  # noqa: PLC0415 - not needed for help texts

    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError("--redis-url is no URL. Write redis://:PASSWORD@host:6379/0.") from None
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ConfigError("--redis-url does not begin with redis://, rediss:// or unix://. Write redis://host:6379/0.")
    if not (parts.path.removeprefix("/").isdecimal() or "db" in parse_qs(parts.query)):
        raise ConfigError(
            "--redis-url names no logical database, and all keys of one are meant. Write its number at the end: "
            "redis://:PASSWORD@host:6379/0."
        )
    return url


def command_line(site: Site, words: str) -> str:
    """Return a command line for the same place, without what would be secret."""
    if site.environment is None:
        return f"swe-db {words} --postgres-url ...{' --redis-url ...' if site.redis_url else ''}"
    from swe_db.environment import flag  # noqa: PLC0415 - not needed for help texts

    return f"swe-db {words}{flag(site.environment)}"


def counted_keys(count: int | None) -> str:
    """Return in words how many keys of Redis belong to something."""
    return "without Redis" if count is None else f"{count} key{'' if count == 1 else 's'} of Redis"


def telling() -> Told:
    """Return what shows notes and progress on stderr: one line that changes on a terminal, some lines elsewhere."""
    return Told(note=options.print_note, progress=_Progress())


@dataclasses.dataclass(slots=True)
class _Progress:
    """Shows what goes on, unless it is over soon."""

    doing: str = ""
    begun: float = 0.0
    shown: float = 0.0

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if doing != self.doing:
            self.doing, self.begun, self.shown = doing, now, now
        terminal = sys.stderr.isatty()
        over = done == total and self.shown > self.begun
        if now - self.begun < QUIET or (now - self.shown < (ON_TERMINAL if terminal else ELSEWHERE) and not over):
            return
        self.shown = now
        line = _line(doing, done, total, now - self.begun)
        if terminal:
            click.echo(f"\r\x1b[K{line}", nl=over, err=True)
        else:
            click.echo(line, err=True)


def _line(doing: str, done: int, total: int | None, seconds: float) -> str:

    amount = shown_size(done) if "keys" not in doing else f"{done} keys"
    if not total:
        return f"{doing}: {amount}, {seconds:.0f} s"
    part = min(done / total, 1.0)
    left = f", {seconds * (1 - part) / part:.0f} s left" if part else ""
    return f"{doing}: {part:4.0%} of {shown_size(total) if 'keys' not in doing else total}{left}"
