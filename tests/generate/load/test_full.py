"""A server whose disk fills up in the middle of a load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from support.backends import own_backend

ROOT: Final = Path(__file__).parents[3]
MOUNTED: Final = """
mount --make-rprivate / && mount -t tmpfs -o size=200m,mode=1777 tmpfs "$1" || exit 97
exec "$2" -c "$3" "$1"
"""
# The database lies in a tablespace that is made as small as what is in it, and larger again.
SCRIPT: Final = """
import json, os, subprocess, sys
import psycopg
from support.backends import POSTGRES, own_backend
from support.loads import content
from swe_db.config import Config
from swe_db.errors import GenerateError
from swe_db.generate import Plan, generate
from swe_db.migrations import migrate, seed

place = sys.argv[1]
server = POSTGRES[own_backend()](Config()).start()
with psycopg.connect(server.url, autocommit=True) as connection:
    data = connection.execute("SHOW data_directory").fetchone()[0]
    owner = os.stat(data)
    os.mkdir(place + "/space", 0o700)
    os.chown(place + "/space", owner.st_uid, owner.st_gid)
    connection.execute(f"CREATE TABLESPACE small LOCATION '{place}/space'")
    connection.execute("CREATE DATABASE d TEMPLATE template0 TABLESPACE small")
url = server.address.database("d").url
migrate(url)
seed(url)
state = os.statvfs(place)
used = (state.f_blocks - state.f_bfree) * state.f_frsize
subprocess.run(["mount", "-o", f"remount,size={used + (8 << 20)}", place], check=True)
said = ""
try:
    generate(url, Plan.of("small"), jobs=1)
except GenerateError as error:
    said = str(error)
subprocess.run(["mount", "-o", "remount,size=200m", place], check=True)
report = generate(url, resume=True, jobs=1)
print(json.dumps([said, report.finished, content(url)]))
server.stop()
"""


@pytest.mark.skipif(own_backend() == "docker", reason="the disk of a container is not for a test to fill")
def test_a_full_disk_is_told_of_and_the_load_goes_on(small_content: Mapping[str, Any], mounts: None) -> None:
    """What was being loaded is undone, the error says so; with more room the load ends as if nothing had happened."""
    command = ["unshare", "--mount", "sh", "-c", MOUNTED, "sh", "/mnt", sys.executable, SCRIPT]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said, finished, found = json.loads(done.stdout)
    assert "is full" in said
    assert "--resume when there is room" in said
    assert finished
    assert {table: tuple(facts) for table, facts in found.items()} == small_content
