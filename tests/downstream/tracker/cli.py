"""The command line: `python -m tracker.cli add PROJECT TITLE`, `… progress PROJECT`."""

from __future__ import annotations

import argparse
import json
import sys

from tracker import cache, service

__all__ = ["main"]


def main() -> None:
    """Run one command; print what went wrong and exit with 1 where it cannot be done."""
    parser = argparse.ArgumentParser(prog="tracker")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a task and print its id")
    add.add_argument("project")
    add.add_argument("title")
    progress = commands.add_parser("progress", help="print how many tasks are in each state, as JSON")
    progress.add_argument("project")
    arguments = parser.parse_args()
    try:
        sys.stdout.write(f"{run(arguments)}\n")
    except LookupError as error:
        sys.exit(f"tracker: {error}")


def run(arguments: argparse.Namespace) -> str:
    """Run the command that was parsed and return what it prints."""
    if arguments.command == "add":
        return str(service.add_task(arguments.project, arguments.title))
    return json.dumps(cache.progress(arguments.project))


if __name__ == "__main__":
    main()
