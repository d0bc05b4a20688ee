"""The command erd, and docs/schema.md: what is drawn and said is what the catalogue holds."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import psycopg
import pytest

from support.schema_page import PAGE
from support.sql import apply_migrations
from swe_db.cli import run
from swe_db.schema.areas import areas_of
from swe_db.schema.catalogue import Catalogue, read_catalogue
from swe_db.schema.mermaid import er_diagram
from swe_db.schema.page import schema_page

SECRET: Final = "hunter2hunter2"
# A part of Mermaid's grammar that all its versions take; what is printed stays within it.
NAME: Final = r"(?:[A-Za-z_]\w*|\"[^\"%\\\r\n]+\")"
GRAMMAR: Final = (
    r"erDiagram",
    r"    %% \w+",
    rf"    {NAME}(?: \{{)?",
    r"        [^\W\d][\w]*(?:\[\])? [^\W\d]\w*(?: [PFU]K(?:, [PFU]K)*)?(?: \"[^\"~]*\")?",
    r"    \}",
    rf"    {NAME} (?:\|\||\|o)--o[{{|] {NAME} : \"[\w, ]+\"",
)
ODD: Final = r"""
CREATE TABLE "Order items, 10%" ("2nd column" int PRIMARY KEY, pk text UNIQUE, "one" numeric(5, 2)[], naïve varchar(9));
CREATE TABLE one (id int PRIMARY KEY REFERENCES "Order items, 10%", "PK" int REFERENCES one (id));
CREATE TABLE "class" (a int, b int, PRIMARY KEY (a, b), UNIQUE (a, b));
CREATE TABLE no_columns ();
CREATE VIEW seen AS SELECT id FROM one;
CREATE UNIQUE INDEX ON one ("PK") WHERE id > 0;
COMMENT ON COLUMN one.id IS E'says "hi"\n~a~ %%{init: 1}%% `b` | <i>';
COMMENT ON TABLE one IS 'a | b <i> `c` *d*';
CREATE TABLE broken (half_built int REFERENCES one (id));
CREATE UNIQUE INDEX broken_key ON broken (half_built);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_key'::regclass;
ALTER TABLE one ADD CONSTRAINT bar CHECK (id::text <> '`|`' AND pg_typeof(id)::text IN ('a''b', '::text'));
"""


@pytest.fixture(scope="module")
def catalogue(seeded_url: str) -> Catalogue:
    """What a migrated database holds."""
    return read_catalogue(seeded_url)


@pytest.fixture(scope="module")
def odd_url(module_url: str) -> str:
    """A migrated database with tables of names that are hard to draw, and months of the audit trail."""
    apply_migrations(module_url)
    with psycopg.connect(module_url) as connection:
        connection.execute(ODD.encode())
        connection.execute("SELECT public.swe_create_audit_partitions('2026-01-01', 2)")
    return module_url


@pytest.fixture
def erd(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command on a database; gives the exit code, stdout and stderr."""

    def call(url: str, *arguments: str) -> tuple[int, str, str]:
        code = run(["erd", "--postgres-url", url, *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_the_page_is_as_the_catalogue_has_it(catalogue: Catalogue) -> None:
    """docs/schema.md says what a migrated database holds; run `python tests/support/schema_page.py` after a change."""
    assert PAGE.read_text(encoding="utf-8") == schema_page(catalogue)


def test_the_page_leaves_nothing_out(catalogue: Catalogue) -> None:
    """Every table is told with all that belongs to it, and every function that can be called."""
    page = PAGE.read_text(encoding="utf-8")
    sections = {name: text for name, _, text in (part.partition("\n") for part in page.split("\n### "))}
    assert len(catalogue.tables) == 13
    for table in catalogue.tables:
        told = set(re.findall(r"^(?:- |\| )`(\w+)`", sections[table.name].partition("\n## ")[0], re.MULTILINE))
        parts = (table.columns, table.indexes, table.triggers, table.policies)
        names = {each.name for part in parts for each in part} | {grant.role for grant in table.grants}
        names |= {rule.name for rule in table.constraints}
        assert names <= told, table.name
    for function in catalogue.functions:
        assert (f"\n- `{function.name}({function.arguments}) → " in page) is not function.is_trigger


def test_every_area_is_drawn_by_its_file(catalogue: Catalogue) -> None:
    """Each table is in the area of the file of sql/schema that makes it, and none is left over."""
    areas = {area.name: [table.name for table in area.tables] for area in areas_of(catalogue)}
    assert areas["issues"] == ["tasks", "task_comments", "task_attachments"]
    assert areas["audit_logs"] == ["audit_logs", "activity_feed"]
    assert sorted(name for names in areas.values() for name in names) == [table.name for table in catalogue.tables]
    assert "others" not in areas


def test_the_diagram_has_keys_relations_and_comments(erd: Any, seeded_url: str) -> None:
    """An area is drawn with types, keys and comments, and with lines to the tables that its keys lead to."""
    code, drawn, errors = erd(seeded_url, "--area", "issues")
    assert (code, errors) == (0, "")
    lines = drawn.splitlines()
    assert lines[:2] == ["erDiagram", "    %% issues"]
    assert '        bigint id PK "Key inside the database"' in lines
    assert '        uuid external_id UK "Key shown outside"' in lines
    assert '        bigint project_id FK "Project; its tasks go with it"' in lines
    assert '        text[] labels "Labels, searched with @>"' in lines
    assert '    projects ||--o{ tasks : "project_id"' in lines
    assert '    users |o--o{ tasks : "assigned_user_id"' in lines
    assert not any(line.startswith("    projects {") for line in lines)
    assert all(any(re.fullmatch(form, line) for form in GRAMMAR) for line in lines)


def test_tables_are_drawn_by_name_and_without_columns(erd: Any, seeded_url: str) -> None:
    """TABLE chooses tables beside --area, and --tables leaves the columns out."""
    code, drawn, _ = erd(seeded_url, "evidence_chains", "--area", "users", "--tables")
    assert code == 0
    assert drawn.splitlines()[:5] == [
        "erDiagram",
        "    %% users",
        "    users",
        "    %% evidence",
        "    evidence_chains",
    ]
    assert {line.split()[0] for line in drawn.splitlines()[5:]} == {"agents", "users", "evidence"}


def test_json_has_the_same_facts(erd: Any, seeded_url: str) -> None:
    """With --json stdout is one object with areas, tables and relations."""
    code, text, errors = erd(seeded_url, "--json")
    found = json.loads(text)
    assert (code, errors) == (0, "")
    tables = {table["name"]: table for area in found["areas"] for table in area["tables"]}
    assert len(tables) == 13
    assert (tables["audit_logs"]["partitioned_by"], tables["audit_logs"]["partitions"]) == ("RANGE (created_at)", 1)
    relation = {"table": "projects", "columns": ["owner_id"], "target": "users", "optional": False}
    assert {**relation, "at_most_one": False} in found["relations"]


def test_odd_names_are_drawn_so_that_mermaid_takes_them(erd: Any, odd_url: str) -> None:
    """Whatever tables, columns and comments are called, each line stays within the grammar; partitions are folded."""
    code, drawn, _ = erd(odd_url)
    assert code == 0
    lines = drawn.splitlines()
    assert [line for line in lines if not any(re.fullmatch(form, line) for form in GRAMMAR)] == []
    assert '        integer _2nd_column PK "2nd column"' in lines
    assert '        text pk_ UK "pk"' in lines
    assert '        numeric[] one_ "one"' in lines
    assert "        varchar naïve" in lines
    assert (
        "        integer id PK, FK \"says 'hi' \N{TILDE OPERATOR}a\N{TILDE OPERATOR} %{init: 1}% `b` | <i>\"" in lines
    )
    assert '    "Order items, 10_" ||--o| "one" : "id"' in lines
    assert '    "one" |o--o{ "one" : "PK_"' in lines
    assert '    "one" |o--o{ broken : "half_built"' in lines
    assert "        integer half_built FK" in lines
    assert [line for line in lines if "audit_logs_" in line] == []
    assert [lines.count(line) for line in ("    no_columns", "    %% others")] == [1, 1]


def test_odd_texts_stay_inside_their_place_on_the_page(erd: Any, odd_url: str) -> None:
    """What would end a cell, a span of code or a paragraph in Markdown is written so that it does not."""
    code, page, _ = erd(odd_url, "--markdown")
    assert code == 0
    others = page.partition("## Area others")[2]
    assert r"a \| b \<i> \`c\` \*d\*." in others
    assert r"says \"hi\" ~a~ %%{init: 1}%% \`b\` \| \<i> |".replace(r"\"", '"') in others
    assert "- `bar`: `` CHECK (id::text <> '`|`' AND (pg_typeof(id)::text IN ('a''b', '::text'))) ``" in others
    assert "A view." in others
    assert "- `broken_key`: invalid, unique, `btree (half_built)`" in others
    rows = [line for line in others.splitlines() if line.startswith("| `")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


def test_a_diagram_of_no_columns_is_one_of_boxes(catalogue: Catalogue) -> None:
    """Without columns the diagram has no braces but those of its lines' ends."""
    assert "{\n" not in er_diagram(catalogue.tables, columns=False)


WRONG: Final = {
    "area": (["--area", "nowhere"], "There is no area nowhere here. There are users, projects, agents,"),
    "table": (["task"], "There is no table task here. There are users, projects,"),
    "both": (["--markdown", "tasks"], "--markdown prints the whole page"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_choice_that_is_not_there_is_exit_code_2(erd: Any, seeded_url: str, name: str) -> None:
    """An area or a table that does not exist is a wrong call; the message has those that do."""
    arguments, message = WRONG[name]
    code, out, errors = erd(seeded_url, *arguments)
    assert (code, out) == (2, "")
    assert message in errors


def test_a_database_without_tables_is_exit_code_1(erd: Any, postgres: Any) -> None:
    """Where nothing is to be drawn, the message says what makes tables."""
    code, out, errors = erd(postgres.address.database("template1").url)
    assert (code, out) == (1, "")
    assert "Schema public of database template1 on" in errors
    assert "holds no table. `swe-db setup` migrates and seeds it." in errors


def test_an_ordinary_user_may_draw(erd: Any, seeded_url: str) -> None:
    """The catalogue is open to everybody who may connect: no privilege on a table is needed."""
    with psycopg.connect(seeded_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE drawer LOGIN PASSWORD '{SECRET}'")
        try:
            whole = psycopg.conninfo.conninfo_to_dict(seeded_url)
            url = seeded_url.replace(f"{whole['user']}:{whole['password']}", f"drawer:{SECRET}")
            assert erd(url)[:2] == erd(seeded_url)[:2]
        finally:
            connection.execute("DROP ROLE drawer")
