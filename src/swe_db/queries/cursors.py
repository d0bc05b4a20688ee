"""Seeing what the cursors of psycopg are given, whoever made them and of whatever class they are."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import reprlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["location", "parameters_text", "shown", "text_of"]

# The methods that take a statement, and what they call it and its parameters.
METHODS: Final = {
    "execute": ("query", "params"),
    "executemany": ("query", "params_seq"),
    "copy": ("statement", "params"),
    "stream": ("query", "params"),
}
# A server-side cursor has an `execute` of its own, and no use for the others.
CLASSES: Final = {
    "Cursor": tuple(METHODS),
    "AsyncCursor": tuple(METHODS),
    "ServerCursor": ("execute",),
    "AsyncServerCursor": ("execute",),
}
MOST: Final = 50  # parameters that are remembered
LONGEST: Final = 200  # characters of one of them
# Whoever called these is who ran a statement.
BETWEEN: Final = frozenset({"psycopg", "psycopg_pool", "swe_db", "factory", "sqlalchemy", "contextlib", "asyncio"})


@contextlib.contextmanager
def shown(show: Callable[[Any, Any, Any], None]) -> Iterator[None]:
    """Show each statement of every psycopg cursor in this process before it is sent.

    Cursors of one's own could be set on a connection only until the test sets another class, or calls one itself, as
    `psycopg.ClientCursor(connection)` is the documented way. So the methods that all of them share are wrapped.

    Args:
        show: Is called with the cursor, the statement and its parameters.
    """
    import psycopg  # noqa: PLC0415

    with contextlib.ExitStack() as undo:
        for name, methods in CLASSES.items():
            cursor_class = getattr(psycopg, name)
            for method in methods:
                original = getattr(cursor_class, method)
                setattr(cursor_class, method, _showing(original, METHODS[method], show))
                undo.callback(setattr, cursor_class, method, original)
        yield


def _showing(
    original: Callable[..., Any], names: tuple[str, str], show: Callable[[Any, Any, Any], None]
) -> Callable[..., Any]:
    def tell(cursor: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:  # noqa: ANN401 - psycopg's own
        given = {**options, **dict(zip(names, arguments, strict=False))}
        if names[0] in given:  # else psycopg itself will complain
            show(cursor, given[names[0]], given.get(names[1]))

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def run_async(cursor: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - psycopg's own
            tell(cursor, arguments, options)
            return await original(cursor, *arguments, **options)

        return run_async

    @functools.wraps(original)
    def run(cursor: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - psycopg's own
        tell(cursor, arguments, options)
        return original(cursor, *arguments, **options)

    return run


def text_of(query: Any, cursor: Any) -> str:  # noqa: ANN401 - psycopg's own
    """Return the text of what a cursor was given: text, bytes, a `psycopg.sql` object, a template string."""
    import psycopg  # noqa: PLC0415

    if isinstance(query, bytes):
        return query.decode(errors="replace")
    if hasattr(query, "interpolations"):
        return "".join(part if isinstance(part, str) else f"{{{part.expression}}}" for part in query)
    try:
        return str(query.as_string(cursor)) if hasattr(query, "as_string") else str(query)
    except psycopg.Error:  # which psycopg itself will raise
        return repr(query)


def parameters_text(parameters: Any) -> str | None:  # noqa: ANN401 - psycopg's own
    """Return parameters as a text of bounded length, None for those that can be read only once."""
    if not hasattr(parameters, "__len__"):
        return None
    shortener = reprlib.Repr()
    shortener.maxtuple = shortener.maxlist = shortener.maxdict = MOST
    shortener.maxstring = shortener.maxother = LONGEST
    return shortener.repr(parameters)


def location() -> str | None:
    """Return the line of the test, or of its helper, that led here, relative to the current directory if below."""
    frame = sys._getframe(1)  # noqa: SLF001 - inspect.stack reads source files
    while frame.f_globals.get("__name__", "").partition(".")[0] in BETWEEN:
        if frame.f_back is None:
            return None
        frame = frame.f_back
    file = frame.f_code.co_filename
    return f"{file.removeprefix(os.getcwd() + os.sep)}:{frame.f_lineno}"  # noqa: PTH109 - no Path for each statement
