"""What docs/redis.md says is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from swe_db.servers.server import RedisServer

PAGE = Path(__file__).parents[2] / "docs/redis.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_run(redis_server: RedisServer, tmp_path: Path, number: int) -> None:
    """Each example is a program that runs where REDIS_URL is set, and says nothing of errors."""
    code = EXAMPLES[number].replace("redis://localhost:6379/0", redis_server.url)
    environment = {**os.environ, "REDIS_URL": redis_server.url}
    program = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
