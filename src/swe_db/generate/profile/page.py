"""The profile as one page of HTML: no network, no script, the same bytes for the same data set."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Final

from swe_db.generate.files.columns import seeded_tables
from swe_db.generate.plan import SCALES, Plan
from swe_db.generate.profile.charts import Chart
from swe_db.generate.profile.drawing import colour, short
from swe_db.generate.profile.observing import observe
from swe_db.generate.profile.sections import Section, sections_of
from swe_db.generate.profile.stats import Stats, merge
from swe_db.generate.profile.verdict import Verdict, verdicts
from swe_db.generate.values.draws import VERSION

__all__ = ["profile_page"]

# Not by strftime, which writes the language of the machine.
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def profile_page(plan: Plan, pieces: Iterable[Mapping[str, Mapping[str, int]]]) -> str:
    """Return the page about a data set.

    Args:
        plan: The data set.
        pieces: What `observe` returned for each part, in any order; the seeds are added here.
    """
    stats = merge([observe(plan, seeded_tables()), *pieces])
    found = verdicts(plan, stats)
    return string.Template(_file("page.html")).substitute(
        title=f"Profile of a data set: {escape(_name(plan))}",
        style=_file("page.css").strip(),
        heading=escape(_heading(plan)),
        lead=_lead(plan, found),
        sections="\n".join([_tiles(stats), *map(_section, sections_of(plan, stats)), _checks(found), _again(plan)]),
        footer=f"Made by swe-db, generator version {VERSION}. The same data set always gives the same page.",
    )


def _file(name: str) -> str:
    return (files("swe_db.generate.profile") / name).read_text(encoding="utf-8")


def _name(plan: Plan) -> str:
    """Return the name of the scale that a plan is, or that it is none."""
    return next((name for name, counts in SCALES.items() if dict(counts) == dict(plan.counts)), "of its own size")


def _heading(plan: Plan) -> str:
    name = _name(plan)
    size = f"Scale {name}" if name in SCALES else "A data set of its own size"
    return f"{size}: {plan.counts['tasks']:,} tasks, {plan.counts['audit_logs']:,} audit events"


def _lead(plan: Plan, found: Sequence[Verdict]) -> str:
    wrong = [verdict for verdict in found if not verdict.holds]
    checked = sum(verdict.checked for verdict in found)
    if wrong:
        result = (
            f'<span class="bad">{len(wrong)} of {len(found)} checks found something wrong</span>; they stand below.'
        )
    else:
        result = f'<span class="good">All {len(found)} checks hold</span>, over {short(checked)} facts.'
    end = f"{plan.as_of.day} {_MONTHS[plan.as_of.month - 1]} {plan.as_of.year}"
    return f"From January 2025 to {end}, seed {plan.seed}. {result}"


def _tiles(stats: Stats) -> str:
    names = {
        "users": "people",
        "projects": "projects",
        "agents": "agents",
        "tasks": "tasks",
        "audit_logs": "audit events",
    }
    tiles = [(name, stats["rows"].get(table, 0)) for table, name in names.items()]
    tiles.append(("rows in all", sum(stats["rows"].values())))
    return (
        '<dl class="tiles">'
        + "".join(f"<div><dt>{name}</dt><dd>{number:,}</dd></div>" for name, number in tiles)
        + "</dl>"
    )


def _section(section: Section) -> str:
    plots = "\n".join(map(_figure, section.charts))
    tables = "\n".join(_full_table(*table) for table in section.tables)
    return (
        f"<section>\n<h2>{escape(section.title)}</h2>\n"
        f'<p class="about">{escape(section.about)}</p>\n<div class="plots">\n{plots}\n{tables}\n</div>\n</section>'
    )


def _figure(chart: Chart) -> str:
    note = f"<small>{escape(chart.note)}</small>" if chart.note else ""
    picture = chart.picture.replace("<svg ", f'<svg role="img" aria-label="{escape(chart.title)}" ', 1)
    return (
        f'<figure class="{"wide" if chart.wide else "half"}">'
        f"<figcaption>{escape(chart.title)}{note}</figcaption>\n{picture}\n{_keys(chart.keys)}"
        f'<details><summary>As a table</summary><div class="scroll">{_table(chart.head, chart.rows)}</div></details>'
        "</figure>"
    )


def _keys(keys: Sequence[str]) -> str:
    if not keys:
        return ""
    items = "".join(f'<li><i class="{colour(place)}"></i>{escape(key)}</li>' for place, key in enumerate(keys))
    return f'<ul class="keys">{items}</ul>'


def _full_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numbers = _table(head, rows, "full")
    return f'<figure><figcaption>{escape(title)}</figcaption><div class="scroll">{numbers}</div></figure>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    first = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table{kind}><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>"


def _checks(found: Sequence[Verdict]) -> str:
    rows = "".join(
        f"<tr><td>{escape(verdict.name[0].upper() + verdict.name[1:])}</td><td>{verdict.checked:,}</td>"
        f'<td class="{"good" if verdict.holds else "bad"}">{_result(verdict)}</td></tr>'
        for verdict in found
    )
    return (
        '<section>\n<h2>Checks</h2>\n<p class="about">What must hold between rows. All rows were looked at '
        'while they were made, the folded audit trails on a sample of tasks.</p>\n<figure class="wide">'
        '<div class="scroll"><table class="full"><thead><tr><th scope="col">What must hold</th>'
        '<th scope="col">looked at</th><th scope="col"></th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></figure>\n</section>"
    )


def _result(verdict: Verdict) -> str:
    return "✓ holds" if verdict.holds else f"✗ {verdict.failed:,} wrong"


def _again(plan: Plan) -> str:
    name = _name(plan)
    if name in SCALES:
        size = f"--scale {name}"
    else:
        size = " ".join(f"--rows {table}={number}" for table, number in plan.counts.items())
    command = f"swe-db generate {size} --seed {plan.seed} --as-of {plan.as_of.isoformat()}"
    facts = [("identity", plan.identity), ("generator version", str(VERSION)), ("seed", str(plan.seed))]
    facts += [("until, not included", plan.as_of.isoformat())]
    return (
        '<section>\n<h2>To make it again</h2>\n<p class="about">The rows depend on nothing but this; not on the '
        f"machine, the number of processes, or interruptions.</p>\n<pre>{escape(command)}</pre>\n"
        f"{_table(('', ''), facts)}\n</section>"
    )
