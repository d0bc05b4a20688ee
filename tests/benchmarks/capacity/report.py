"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.capacity.asking import Answered, Asked
from benchmarks.capacity.floor import Exported, Floor
from benchmarks.capacity.loading import Loaded

__all__ = ["floor_table", "load_table", "question_table"]

GOAL: Final = 1.25
HEAD: Final = (
    "| question | p50 | p95 | p50 of a tenth | p95 of a tenth | p50 to p50 | blocks | blocks of a tenth "
    "| rows | rows of a tenth | indexes | partitions | |"
)
BOOKKEEPING: Final = "schema_migrations"


def load_table(scale: str, jobs: int, loaded: Loaded) -> str:
    """Return what loading took, in all and for each table."""
    rows = sum(size.rows for size in loaded.sizes.values())
    whole = (
        f"`swe-db generate --scale {scale} --jobs {jobs}`: {rows:,} rows in {_duration(loaded.seconds)} "
        f"({rows / loaded.seconds:,.0f} rows/s), {_size(loaded.disk)} on disk. Memory at most: {_size(loaded.client)} "
        f"for the command and its processes, {_size(loaded.server)} for Postgres."
    )
    lines = [whole, "", "| table | rows | rows/s while it is copied | table | indexes |", "|---|---|---|---|---|"]
    for table, size in sorted(loaded.sizes.items(), key=lambda each: -each[1].rows):
        seconds = loaded.copied.get(table, 0.0)
        rate = f"{size.rows / seconds:,.0f}" if seconds >= 1 else ""
        if table != BOOKKEEPING:
            lines.append(f"| {table} | {size.rows:,} | {rate} | {_size(size.table)} | {_size(size.indexes)} |")
    return "\n".join(lines)


def floor_table(loaded: Loaded, rows: Exported, floors: Sequence[Floor], jobs: int) -> str:
    """Return the floor beside what loading took."""
    what = (
        f"The same rows, {_size(rows.bytes)} of text, by psql's `\\copy` into a migrated database whose months are "
        "made, but which has only its primary keys; then indexes, unique constraints and foreign keys:"
    )
    lines = [
        what,
        "",
        "| | sessions | copying | indexes | foreign keys | all | swe-db generate takes |",
        "|---|---|---|---|---|---|---|",
        f"| swe-db generate | {jobs} | | | | {_duration(loaded.seconds)} | goal ≤ {GOAL} x |",
    ]
    for each in floors:
        parts = " | ".join(_duration(seconds) for seconds in (each.load, each.indexes, each.constraints, each.whole))
        lines.append(f"| floor | {each.sessions} | {parts} | {loaded.seconds / each.whole:.2f} x |")
    return "\n".join(lines)


def question_table(asked: Sequence[Asked], failures: Mapping[str, str], scales: tuple[str, str | None]) -> str:
    """Return how the questions were answered.

    Args:
        asked: The questions.
        failures: Why others could not be asked, by name.
        scales: Of the full and of the small database.
    """
    full, tenth = scales
    executions = max((each.full.executions for each in asked), default=0)
    beside = f"`{full}` beside `{tenth}`, which has a tenth of the rows" if tenth else f"`{full}`"
    how = (
        f"The questions of docs/queries.md, asked {executions} times each, one after the other on one connection, "
        f"answers fetched, all that is needed in memory. Milliseconds; {beside}. Blocks of 8 KiB are those that the "
        "query read, each as often as it was."
    )
    lines = [how, "", HEAD, f"|{'---|' * (HEAD.count('|') - 1)}"]
    lines += [_row(each) for each in asked]
    lines += [f"| {name} |{' |' * (HEAD.count('|') - 3)} not asked: {why} |" for name, why in failures.items()]
    wrong = [each.name for each in asked if each.remarks] + list(failures)
    lines += ["", f"With a remark: {', '.join(wrong) if wrong else 'none'}."]
    return "\n".join(lines)


def _row(asked: Asked) -> str:
    small = asked.tenth
    cells = [
        asked.name,
        *_times(asked.full),
        *(_times(small) if small else ("", "")),
        f"{asked.growth:.2f}" if asked.growth else "",
        f"{asked.full.blocks:.0f}, at most {asked.full.most_blocks}",
        f"{small.blocks:.0f}, at most {small.most_blocks}" if small else "",
        f"{asked.full.rows:.1f}",
        f"{small.rows:.1f}" if small else "",
        ", ".join(f"`{name}`" for name in sorted(asked.full.indexes)),
        str(asked.full.partitions or ""),
        "; ".join(asked.remarks),
    ]
    return f"| {' | '.join(cells)} |"


def _times(answered: Answered) -> tuple[str, str]:
    return f"{answered.p50 * 1000:.2f}", f"{answered.p95 * 1000:.2f}"


def _duration(seconds: float) -> str:
    return f"{seconds:,.1f} s"


def _size(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
