"""What docs/redis.md says is true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.pages import blocks_of
from swe_db.servers.server import RedisServer

PAGE = Path(__file__).parents[2] / "docs/redis.md"
EXAMPLES = [block.text for block in blocks_of(PAGE) if block.language == "python"]
# What an example takes from the page around it, and where one that goes on for ever ends here.
AROUND = """
from swe_db.redis import PubSubManager, get_redis_client
client = get_redis_client()
manager = PubSubManager(client, prefix="shop")
reload_orders = reload = serve = lambda *_: None
charge_once = bool
class User: ...
authenticated = User
"""
ENDS = ("print(message.channel, message.data)", "stream.ack(delivery)")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_run(redis_server: RedisServer, tmp_path: Path, number: int) -> None:
    """Each example is a program that runs where REDIS_URL is set, and says nothing of errors."""
    code = AROUND + EXAMPLES[number].replace("redis://localhost:6379/0", redis_server.url)
    for line in ENDS:
        code = code.replace(line, f"{line}; break")
    environment = {**os.environ, "REDIS_URL": redis_server.url}
    program = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
