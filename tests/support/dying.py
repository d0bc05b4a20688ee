"""Processes that die in the middle of their work, always at the same statement."""

from __future__ import annotations

from typing import Final

__all__ = ["dying"]

DYING: Final = """
import os
import signal

import psycopg

execute = psycopg.Cursor.execute

def execute_unless_last(self, query, *arguments, **options):
    if isinstance(query, bytes) and {words!r} in query:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(self, query, *arguments, **options)

psycopg.Cursor.execute = execute_unless_last
"""


def dying(script: str, words: str) -> str:
    """Return a script that is killed when it is about to run a statement of migrations or seeds.

    Args:
        script: The script.
        words: What the statement holds.
    """
    return DYING.format(words=words.encode()) + script
