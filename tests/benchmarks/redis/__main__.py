"""What the services on Redis cost beside what they send, and beside others: `python tests/benchmarks/redis [--quick]`.

Writes `results.md` beside this file; `python tests/support/readme.py` takes it over into docs/redis.md. Nothing here
fails because of a time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.figures import Figure
from benchmarks.redis.async_ways import abare, aours, atheirs
from benchmarks.redis.measuring import OURS, Extent, Measured, ameasured, measured
from benchmarks.redis.ways import THINGS, bare, ours, theirs
from support.proxy import proxy_before
from swe_db.config import Config
from swe_db.faults import RedisProxy
from swe_db.faults.redis_proxy import SET_UP
from swe_db.servers.local import local_redis

RESULTS: Final = Path(__file__).parent / "results.md"
BARE: Final = "bare"
GOAL: Final = 1.3
OTHERS: Final = ("limits", "cashews", "aiocache", "dogpile.cache", "python-redis-lock")
NOTES: Final = """\
Microseconds a call, one after the other on one connection: medians with the quartiles in brackets, all from one run
against one server on the same machine, over TCP; the ways that are compared take turns. `bare` is redis-py alone, which
sends exactly the commands that swe-db sends for the same thing, ready made, and leaves the replies as they are. The
factor is what swe-db takes of that, the median of the factors within each round. The others have their defaults; they
do not all do the same: what is promised differs."""

Commands = dict[str, list[tuple[bytes, ...]]]


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks/redis", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns: less than a minute")
    quick = parser.parse_args().quick
    extent = Extent.quick() if quick else Extent()
    server = local_redis(Config()).start()
    try:
        found = _found(extent, server.url)
        afound = asyncio.run(_afound(extent, server.url))
    finally:
        server.stop()
    names = ", ".join(f"{name} {version(name)}" for name in ("redis", *OTHERS))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, Redis {server.version}"
    text = "\n\n".join(
        [
            f"Measured on {machine}{', `--quick`' if quick else ''}; {names}.",
            _table("sync", *found),
            _table("asyncio", *afound),
            NOTES,
        ]
    )
    RESULTS.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


def _found(extent: Extent, url: str) -> tuple[dict[str, Measured], Commands]:
    with proxy_before(url) as proxy:
        commands: Commands = {}
        for thing, act in ours(proxy.url).items():
            act()  # what it makes first does not count
            proxy.commands.clear()
            act()
            commands[thing] = _sent(proxy)
    mine, alone, others = ours(url), bare(url, commands), theirs(url)
    found = {
        thing: measured(extent, {OURS: mine[thing], BARE: alone[thing], **others.get(thing, {})}) for thing in THINGS
    }
    return found, commands


async def _afound(extent: Extent, url: str) -> tuple[dict[str, Measured], Commands]:
    with proxy_before(url) as proxy:
        commands: Commands = {}
        for thing, act in (await aours(proxy.url)).items():
            await act()
            proxy.commands.clear()
            await act()
            commands[thing] = _sent(proxy)
    mine, alone, others = await aours(url), abare(url, commands), await atheirs(url)
    found = {
        thing: await ameasured(extent, {OURS: mine[thing], BARE: alone[thing], **others[thing]}) for thing in THINGS
    }
    return found, commands


def _sent(proxy: RedisProxy) -> list[tuple[bytes, ...]]:
    return [command for command in list(proxy.commands) if command[0].upper() not in SET_UP]


def _table(title: str, found: Mapping[str, Measured], commands: Commands) -> str:
    lines = [f"| {title} | commands | swe-db | bare | factor, goal ≤ {GOAL} | others |", "|---|---|---|---|---|---|"]
    for thing, each in found.items():
        others = [f"{name} {_us(figure)}" for name, figure in each.times.items() if name not in (OURS, BARE)]
        cells: list[Any] = [thing, len(commands[thing]), _us(each.times[OURS]), _us(each.times[BARE])]
        cells += [_factor(each.factors[BARE]), "; ".join(others)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _us(figure: Figure) -> str:
    median, low, high = (round(seconds * 1e6) for seconds in (figure.median, figure.low, figure.high))
    return f"{median} [{low} to {high}]"


def _factor(figure: Figure) -> str:
    return f"{figure.median:.2f} [{figure.low:.2f} to {figure.high:.2f}]"


if __name__ == "__main__":
    main()
