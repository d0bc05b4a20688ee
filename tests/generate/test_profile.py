"""The page about a data set: what it shows, what its checks find, and that it is always the same."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from support.data_sets import DataSet
from swe_db.cli import run
from swe_db.generate.files.columns import seeded_tables
from swe_db.generate.parts import make
from swe_db.generate.profile.observing import observe
from swe_db.generate.profile.page import profile_page
from swe_db.generate.profile.stats import Stats, log_bins, merge, quantiles
from swe_db.generate.profile.verdict import verdicts

Tables = Mapping[str, Any]


@pytest.fixture(scope="module")
def pieces(small: DataSet) -> list[Stats]:
    """What is known of each part of the scale `small`."""
    return [observe(small.plan, make(small.plan, small.census, part)) for part in small.parts]


@pytest.fixture(scope="module")
def page(small: DataSet, pieces: list[Stats]) -> str:
    """The page about it."""
    return profile_page(small.plan, pieces)


@pytest.fixture(scope="module")
def story(small: DataSet) -> Tables:
    """The rows of its last part: the tasks, and all that hangs on them."""
    return make(small.plan, small.census, small.parts[-1])


def test_the_page_needs_nothing_else(page: str) -> None:
    """There is no script, no style, font or picture from elsewhere; the markup is well-formed."""
    assert re.findall(r"<script|<link|<img|@import|url\(|src=|href=", page) == []
    body = page[page.index("<body>") : page.index("</html>")]
    ET.fromstring(body)


def test_each_plot_has_its_numbers(page: str) -> None:
    """Each picture has a name and a table with what it shows."""
    pictures = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
    assert len(pictures) > 25
    assert page.count("<svg") == len(pictures) == page.count("<details>")
    assert "<td>evidence_credibility_history</td>" in page


def test_the_page_says_what_holds(page: str, small: DataSet) -> None:
    """All checks hold; the plan and the command that makes the data set again are there."""
    assert "All 8 checks hold" in page
    assert "swe-db generate --scale small --seed 42 --as-of 2026-07-01" in page
    assert (small.plan.identity in page, "Ada Admin" in page, "AI Engineering Platform" in page) == (True, True, True)


def test_the_page_is_always_the_same(page: str, small: DataSet, pieces: list[Stats]) -> None:
    """Neither the order of the parts, nor how they are grouped, nor their way through JSON matters."""
    stored = json.loads(json.dumps(pieces[::-1]))
    assert profile_page(small.plan, stored) == page
    assert profile_page(small.plan, [merge(pieces[:2]), merge(pieces[2:])]) == page


def test_the_page_counts_the_rows(small: DataSet, pieces: list[Stats]) -> None:
    """Numbers are those of the rows themselves."""
    stats = merge(pieces)
    tasks = small.tables["tasks"]
    done = pc.sum(pc.equal(tasks["status"], "done")).as_py()
    assert (stats["rows"]["tasks"], stats["tasks.status"]["done"]) == (1_000, done)
    assert sum(stats["comments.per_task"].values()) == 1_000
    comments = sum(int(number) * count for number, count in stats["comments.per_task"].items())
    assert comments == small.tables["task_comments"].num_rows
    cost = pc.sum(small.tables["agent_executions"]["cost_usd"]).as_py()
    assert sum(stats["month.cost"].values()) == int(cost * 1_000_000)
    assert sum(stats["hours.local"].values()) == sum(stats["hours.utc"].values()) > 5_000


def test_quantiles_are_close() -> None:
    """A percentile from the bins of a distribution is within a few percent of the exact one."""
    times = np.exp(np.random.default_rng(7).normal(15, 1.5, 20_000)).astype(np.int64)
    names, counts = np.unique(log_bins(times), return_counts=True)
    found = quantiles(dict(zip(map(str, names.tolist()), counts.tolist(), strict=True)), [0.5, 0.9, 0.99])
    assert found == pytest.approx(np.quantile(times, [0.5, 0.9, 0.99]).tolist(), rel=0.05)
    assert quantiles({}, [0.5]) == [0.0]


def replaced(tables: Tables, table: str, column: str, change: Callable[[Any], Any]) -> Tables:
    """Return tables with another column in one of them."""
    old = tables[table]
    new = change(old[column].combine_chunks())
    return {**tables, table: old.set_column(old.column_names.index(column), column, new)}


def first(value: object) -> Callable[[Any], Any]:
    """Return what replaces the first value of a column."""
    return lambda column: pa.array([value, *column.to_pylist()[1:]], column.type)


@pytest.mark.parametrize(
    ("table", "column", "change", "check"),
    [
        ("task_comments", "task_id", first(5_000), "every reference leads to a row"),
        ("tasks", "project_id", first(11), "every reference leads to a row"),
        ("agent_executions", "created_at", first(1_736_161_200_001), "nothing is older than what it belongs to"),
        ("tasks", "updated_at", first(1_736_161_200_001), "made, begun, completed, updated"),
        (
            "tasks",
            "completed_at",
            lambda column: pa.nulls(len(column), column.type),
            "tasks and executions that are over",
        ),
        ("tasks", "priority", first("none"), "the audit trail of a task adds up"),
        ("tasks", "id", lambda column: pc.add(column, 1), "the ids of each table"),
        ("agent_executions", "agent_id", first(12), "the counters of agents"),
    ],
)
def test_checks_find_what_is_wrong(  # noqa: PLR0917 - fixtures and parameters
    small: DataSet,
    pieces: list[Stats],
    story: Tables,
    table: str,
    column: str,
    change: Callable[[Any], Any],
    check: str,
) -> None:
    """One wrong value is found by the check that is there for it."""
    wrong = observe(small.plan, replaced(story, table, column, change))
    stats = merge([observe(small.plan, seeded_tables()), *pieces[:-1], wrong])
    failed = [verdict for verdict in verdicts(small.plan, stats) if not verdict.holds]
    assert [verdict.name for verdict in failed if verdict.name.startswith(check)] != []
    assert f"{len(failed)} of 8 checks found something wrong" in profile_page(small.plan, [*pieces[:-1], wrong])


def test_a_load_has_the_same_page(
    new_database: Callable[[], str], page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is loaded into a database has the page that files have, and `--resume` writes it again."""
    url, file = new_database(), tmp_path / "page.html"
    assert run(["setup", "--postgres-url", url]) == 0
    assert run(["generate", "--postgres-url", url, "--jobs", "1", "--profile", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == page
    arguments = ["generate", "--postgres-url", url, "--resume", "--profile", str(tmp_path / "none" / "page.html")]
    assert run(arguments) == 0
    assert (tmp_path / "none" / "page.html").read_text(encoding="utf-8") == page
