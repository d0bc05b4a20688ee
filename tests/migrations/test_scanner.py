"""The scanner finds where statements begin and end as PostgreSQL's own lexer does."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from swe_db.migrations.scanner import ScanError, head_comments, scan

ATOMIC = "CREATE OR REPLACE FUNCTION f(x int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN x > 0 THEN 1 END; SELECT 2; END"

SPLIT = {
    "plain": ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
    "empty statements": (";;  ; SELECT 1;;", ["SELECT 1"]),
    "only comments": ("-- a\n/* b */\n;", []),
    "string": ("SELECT ';'; SELECT 'it''s;'", ["SELECT ';'", "SELECT 'it''s;'"]),
    "backslash in a plain string": (r"SELECT '\'; SELECT 2", [r"SELECT '\'", "SELECT 2"]),
    "backslash in an E string": (
        r"SELECT E'\';'; SELECT e'\\'; SELECT 3",
        [r"SELECT E'\';'", r"SELECT e'\\'", "SELECT 3"],
    ),
    "a name that ends in e before a string": (
        r"SELECT name'\'; SELECT 2",
        [r"SELECT name'\'", "SELECT 2"],
    ),
    "E string that goes on": ("SELECT E'a'\n  '\\';'; SELECT 2", ["SELECT E'a'\n  '\\';'", "SELECT 2"]),
    "E string that goes on after a comment": (
        "SELECT E'a' -- it's\n '\\';'; SELECT 2",
        ["SELECT E'a' -- it's\n '\\';'", "SELECT 2"],
    ),
    "E string that does not go on": ("SELECT E'a', '\\'; SELECT 2", ["SELECT E'a', '\\'", "SELECT 2"]),
    "unicode string": ("SELECT U&'d\\0061;'; SELECT 2", ["SELECT U&'d\\0061;'", "SELECT 2"]),
    "quoted name": ('SELECT 1 AS "a;""b"; SELECT 2', ['SELECT 1 AS "a;""b"', "SELECT 2"]),
    "dollar quotes": ("SELECT $$;'$$; SELECT 2", ["SELECT $$;'$$", "SELECT 2"]),
    "tagged dollar quotes": ("SELECT $a$;$$;$b$;$a$; SELECT 2", ["SELECT $a$;$$;$b$;$a$", "SELECT 2"]),
    "dollar quote beside a dollar": ("SELECT $x$a$$x$; SELECT 2", ["SELECT $x$a$$x$", "SELECT 2"]),
    "tag of letters beyond ASCII": ("SELECT $é$;$é$; SELECT 2", ["SELECT $é$;$é$", "SELECT 2"]),
    "dollar within a name": ("SELECT 1 AS a$b$; SELECT 2 AS a$b$", ["SELECT 1 AS a$b$", "SELECT 2 AS a$b$"]),
    "line comment": ("SELECT 1 -- it's; \n; SELECT 2", ["SELECT 1", "SELECT 2"]),
    "line comment at the end": ("SELECT 1 -- it's;", ["SELECT 1"]),
    "block comment": ("SELECT /* ; ' */ 1; SELECT 2", ["SELECT /* ; ' */ 1", "SELECT 2"]),
    "nested block comment": ("/* a /* ; */ ; */ SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
    "comment signs in a string": ("SELECT '/*'; SELECT '--'; SELECT 3", ["SELECT '/*'", "SELECT '--'", "SELECT 3"]),
    "operator beside a comment": ("SELECT 1 +/* ; */2; SELECT 3-- ;", ["SELECT 1 +/* ; */2", "SELECT 3"]),
    "atomic body": (f"{ATOMIC}; SELECT 1", [ATOMIC, "SELECT 1"]),
    "nested cases in an atomic body": (
        "CREATE PROCEDURE p() BEGIN ATOMIC SELECT CASE WHEN true THEN CASE WHEN true THEN 1 END END; END; SELECT 1",
        ["CREATE PROCEDURE p() BEGIN ATOMIC SELECT CASE WHEN true THEN CASE WHEN true THEN 1 END END; END", "SELECT 1"],
    ),
    "case outside an atomic body": (
        "SELECT CASE WHEN true THEN 1 END; SELECT 2",
        ["SELECT CASE WHEN true THEN 1 END", "SELECT 2"],
    ),
    "rule with two commands": (
        "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); SELECT 3",
        ["CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", "SELECT 3"],
    ),
    "no-break space is part of a name": ("SELECT 1 AS \xa0; SELECT 2", ["SELECT 1 AS \xa0", "SELECT 2"]),
}


@pytest.mark.parametrize("name", SPLIT)
def test_statements_end_where_they_should(name: str) -> None:
    """A script is split at the semicolons that end statements, and at no other."""
    script, statements = SPLIT[name]
    found = scan(script).statements
    assert [statement.text for statement in found] == statements
    assert all(script[statement.offset :].startswith(statement.text) for statement in found)


@pytest.mark.parametrize("name", [name for name, (_, statements) in SPLIT.items() if statements])
def test_the_server_splits_alike(new_database: Callable[[], str], name: str) -> None:
    """PostgreSQL, given the whole script at once, finds as many statements in it."""
    script, statements = SPLIT[name]
    with psycopg.connect(new_database(), autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a int)")
        cursor = connection.execute(script.encode(), prepare=False)
        found = 1
        while cursor.nextset():
            found += 1
    assert found == len(statements)


OPEN = {
    "string": ("SELECT 1;\nSELECT 'it''s", "a quoted string is never closed", 17),
    "E string": ("SELECT E'\\'", "a quoted string is never closed", 7),
    "name": ('SELECT "a', "a quoted name is never closed", 7),
    "dollar quotes": ("SELECT $a$ $$", "a string that begins with $a$ is never closed", 7),
    "comment": ("SELECT 1 /* /* */", "a comment that begins with /* is never closed", 9),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_is_never_closed_is_found_where_it_opens(name: str) -> None:
    """An open string, name or comment is an error at the place where it begins."""
    script, message, offset = OPEN[name]
    with pytest.raises(ScanError) as caught:
        scan(script)
    assert (str(caught.value), caught.value.offset) == (message, offset)


def test_tokens_leave_out_what_is_in_parentheses() -> None:
    """The tokens of a statement are those outside parentheses, words in upper case."""
    (statement,) = scan('create index "I" on t (lower(a)) where b').statements
    assert statement.tokens == ("CREATE", "INDEX", '"I"', "ON", "T", "(", ")", "WHERE", "B")


def test_head_comments_end_at_the_first_statement() -> None:
    """Only comments before the first statement belong to the head; an open string further down does not matter."""
    comments = head_comments("-- a\n/* b\n-- c */\n  -- d\nSELECT '-- e")
    assert [comment.text for comment in comments] == ["-- a", "-- d"]
