"""Running the statements of a file, so that an error says where in the file it lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import psycopg

from swe_db.errors import MigrationFileError, ServerError, StatementError
from swe_db.migrations.connections import Connection
from swe_db.migrations.files import SqlFile
from swe_db.migrations.place import Place
from swe_db.migrations.scanner import Comment, ScanError, Script, Statement, head_comments, scan

__all__ = ["ConcurrentIndex", "commit", "concurrent_index", "is_transactional", "parse", "parse_seed", "run"]

_DIRECTIVE: Final = "migrate:"
_NO_TRANSACTION: Final = "no-transaction"
_TRANSACTION_CONTROL: Final = frozenset({"ABORT", "BEGIN", "COMMIT", "END", "ROLLBACK", "START"})


@dataclass(frozen=True, slots=True)
class ConcurrentIndex:
    """The index that a CREATE INDEX CONCURRENTLY makes.

    Attributes:
        name: Its name, as the catalogue has it; empty where PostgreSQL would choose one.
        table: Its table, as the statement has it.
    """

    name: str
    table: str


def concurrent_index(statement: Statement) -> ConcurrentIndex | None:
    """Return what a CREATE INDEX CONCURRENTLY makes; None for any other statement."""
    tokens = [token for token in statement.tokens if token not in {"UNIQUE", "IF", "NOT", "EXISTS", "ONLY"}]
    if tokens[:3] != ["CREATE", "INDEX", "CONCURRENTLY"] or "ON" not in tokens:
        return None
    on = tokens.index("ON")
    table = "".join(tokens[on + 1 : on + 4]) if tokens[on + 2 : on + 3] == ["."] else tokens[on + 1]
    return ConcurrentIndex("".join(_folded(token) for token in tokens[3:on]), table)


def is_transactional(file: SqlFile) -> bool:
    """Tell whether a file runs in a transaction, which `-- migrate: no-transaction` in its head denies.

    Raises:
        MigrationFileError: The head has a directive that does not exist.
    """
    try:
        comments = head_comments(file.text)
    except ScanError as error:
        raise _refusal(file, error.offset, str(error)) from None
    directives = [(comment, directive) for comment in comments if (directive := _directive(comment)) is not None]
    for comment, directive in directives:
        if directive != _NO_TRANSACTION:
            raise _refusal(
                file, comment.offset, f"{directive!r} is no directive: there is only `-- migrate: no-transaction`"
            )
    return not directives


def parse(file: SqlFile) -> Script:
    """Split a file into its statements and refuse what cannot be run.

    Raises:
        MigrationFileError: The file has no statement, an open string or comment, a statement that begins or ends a
            transaction, a psql meta-command, COPY from or to the client, or a directive after its head; without a
            transaction: more than one statement, or an index without a name.
    """
    try:
        script = scan(file.text)
    except ScanError as error:
        raise _refusal(file, error.offset, str(error)) from None
    if not script.statements:
        raise MigrationFileError(f"{file.path}: holds no statement. Remove the file, or write what it is to do.")
    _refuse_late_directives(file, script)
    for statement in script.statements:
        if reason := _reason_to_refuse(statement):
            raise _refusal(file, statement.offset, reason)
    if not is_transactional(file):
        _refuse_unrepeatable(file, script)
    return script


def parse_seed(file: SqlFile) -> Script:
    """Split a seed into its statements and refuse what cannot be run.

    Raises:
        MigrationFileError: As for `parse`, or the seed denies its transaction.
    """
    if not is_transactional(file):
        raise MigrationFileError(f"{file.path}: all seeds run in one transaction: remove `-- migrate: no-transaction`.")
    return parse(file)


def run(connection: Connection, file: SqlFile, statements: Iterable[Statement]) -> None:
    """Execute the statements of a file one after the other.

    Raises:
        StatementError: PostgreSQL refused one.
        ServerError: The connection was lost.
    """
    for statement in statements:
        try:
            psycopg.Cursor(connection).execute(statement.text.encode(), prepare=False)
        except psycopg.Error as error:
            raise _located(connection, error, file, statement) from error


def commit(connection: Connection, file: SqlFile) -> None:
    """Commit, which runs the deferred constraints.

    Raises:
        StatementError: A deferred constraint is violated.
        ServerError: The connection was lost.
    """
    try:
        psycopg.Cursor(connection).execute(b"COMMIT", prepare=False)
    except psycopg.Error as error:
        raise _failure(connection, error, file, f"{file.path}: at the end of its transaction") from error


def _directive(comment: Comment) -> str | None:
    text = comment.text.removeprefix("--").strip()
    return text.removeprefix(_DIRECTIVE).strip() if text.startswith(_DIRECTIVE) else None


def _refuse_late_directives(file: SqlFile, script: Script) -> None:
    for comment in script.comments:
        if comment.offset > script.statements[0].offset and _directive(comment) is not None:
            raise _refusal(file, comment.offset, "a directive must stand before the first statement of its file")


def _refuse_unrepeatable(file: SqlFile, script: Script) -> None:
    if len(script.statements) > 1:
        reason = "a no-transaction file holds one statement, so that it can be repeated: give this one its own file"
        raise _refusal(file, script.statements[1].offset, reason)
    index = concurrent_index(script.statements[0])
    if index is not None and not index.name:
        reason = "give the index a name, so that what an interrupted run leaves of it can be found"
        raise _refusal(file, script.statements[0].offset, reason)


def _folded(token: str) -> str:
    """Return an identifier as the catalogue has it."""
    if token.startswith('"'):
        return token[1:-1].replace('""', '"')
    return "".join(character.lower() if character.isascii() else character for character in token)


def _reason_to_refuse(statement: Statement) -> str | None:
    tokens = statement.tokens
    if "\\" in tokens:
        return "psql's own commands (those with a backslash) cannot be run here: write SQL"
    if tokens[0] == "COPY" and {"STDIN", "STDOUT"}.intersection(tokens):
        return "COPY from or to the client cannot be run here: write INSERT"
    if _controls_transaction(tokens):
        return f"{tokens[0]} begins or ends a transaction, which is the runner's part, with its bookkeeping: remove it"
    return None


def _controls_transaction(tokens: tuple[str, ...]) -> bool:
    if tokens[0] == "ROLLBACK":
        return "TO" not in tokens[1:3]
    return tokens[0] in _TRANSACTION_CONTROL or tokens[:2] == ("PREPARE", "TRANSACTION")


def _refusal(file: SqlFile, offset: int, reason: str) -> MigrationFileError:
    place = Place(file.path, file.text, offset)
    return MigrationFileError(f"{place}: {reason}\n{place.excerpt()}")


def _located(
    connection: Connection, error: psycopg.Error, file: SqlFile, statement: Statement
) -> StatementError | ServerError:
    position = error.diag.statement_position
    place = Place(file.path, file.text, statement.offset + (int(position) - 1 if position else 0))
    return _failure(connection, error, file, str(place), place.excerpt())


def _failure(
    connection: Connection, error: psycopg.Error, file: SqlFile, where: str, excerpt: str | None = None
) -> StatementError | ServerError:
    diag = error.diag
    lines = [
        f"{where}: {diag.message_primary or str(error).strip()}"
        + (f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""),
        excerpt,
        diag.message_detail and f"detail: {diag.message_detail}",
        diag.message_hint and f"hint: {diag.message_hint}",
        diag.context and f"context: {diag.context}",
    ]
    if connection.closed:
        lines.append(f"The connection was lost while {file.name} ran. Run again when the server is back.")
        return ServerError("\n".join(line for line in lines if line))
    return StatementError("\n".join(line for line in lines if line), error.sqlstate)
