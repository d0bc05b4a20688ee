"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.checkout import ROOT, python_files, top_level_entries

MAX_FUNCTION: Final = 40
MAX_FILE: Final = 400

# From the bottom up: a part imports from parts further down, and from itself.
LAYERS: Final = (
    {"errors", "lazy"},
    {"config"},
    {"servers"},
    {"migrations"},
    {"isolation", "environment", "generate", "factories", "redis", "schema", "faults"},
    {"cli", "plugin"},
)
PARTS: Final = {
    "enabled": "plugin",
    "fixtures": "plugin",
    "async_fixtures": "plugin",
    "service_fixtures": "plugin",
    "run": "plugin",
    "failure": "plugin",
    "scopes": "plugin",
    "queries": "plugin",
    "summary": "plugin",
}
LEVEL: Final = {part: level for level, parts in enumerate(LAYERS) for part in sorted(parts)}

# Which parts may import a library.
USERS: Final = {
    "pytest": {"plugin", "cli"},
    "pytest_asyncio": {"plugin"},
    "click": {"cli"},
    "factory": {"factories"},
    "numpy": {"generate"},
    "pyarrow": {"generate"},
    "rich": {"cli"},
    "psycopg": LEVEL.keys() - {"errors", "config", "redis", "faults"},
}

TOP_LEVEL: Final = {
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "docs",
    "factories",
    "pyproject.toml",
    "sql",
    "src",
    "tests",
    "tox.ini",
}

NOT_CODE: Final = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def name(path: Path) -> str:
    """Return a path as it is shown, relative to the root."""
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a module, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code: neither blank nor only a comment."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines


def measured_functions(source: str) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Yield every function with the number of its lines of code, its docstring left out."""
    code = code_lines(source)
    for function in functions(ast.parse(source)):
        lines = lines_of(function) & code
        if ast.get_docstring(function) is not None:
            lines -= lines_of(function.body[0])
        yield function, len(lines)


def lines_of(node: ast.stmt) -> set[int]:
    """Return the numbers of the lines that a statement stands on."""
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def part_of(module: str) -> str:
    """Return the part that a module inside swe_db belongs to: `servers` for `servers.local`."""
    part = module.partition(".")[0]
    return PARTS.get(part, part)


def imported_names(node: ast.AST) -> list[str]:
    """Return the names of the modules that a node imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def imported_parts(tree: ast.AST) -> Iterator[str]:
    """Yield the part of swe_db that each import of a module leads to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "swe_db":
            modules = [f"swe_db.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used"
            modules = [node.module or ""]
        else:
            continue
        yield from (part_of(module.removeprefix("swe_db.")) for module in modules if module.startswith("swe_db."))


def package_modules() -> Iterator[tuple[str, Path]]:
    """Yield each module of the package with its name inside swe_db, `__init__` of swe_db itself left out."""
    for path in python_files("src", "factories"):
        inside = path.relative_to(ROOT / "src" / "swe_db" if path.is_relative_to(ROOT / "src") else ROOT)
        if inside.as_posix() != "__init__.py":
            yield inside.with_suffix("").as_posix().replace("/", "."), path


def test_functions_are_short() -> None:
    """No function has more than 40 lines of code."""
    lengths = {
        f"{name(path)}:{function.lineno} {function.name}": lines
        for path in python_files("src", "factories")
        for function, lines in measured_functions(path.read_text())
    }
    assert {function: lines for function, lines in lengths.items() if lines > MAX_FUNCTION} == {}


def test_files_are_short() -> None:
    """No Python file has more than 400 lines."""
    lines = {name(path): len(path.read_text().splitlines()) for path in python_files("src", "factories", "tests")}
    assert {file: count for file, count in lines.items() if count > MAX_FILE} == {}


def test_every_test_says_what_is_true() -> None:
    """Every test has a docstring that is a sentence."""
    silent = [
        f"{name(path)}:{function.lineno} {function.name}"
        for path in python_files("tests")
        for function in functions(ast.parse(path.read_text()))
        if function.name.startswith("test_") and not (ast.get_docstring(function) or "").endswith(".")
    ]
    assert silent == []


def test_every_part_has_a_layer() -> None:
    """Every module belongs to a part whose place in the order of imports is written down above."""
    assert {module for module, _ in package_modules() if part_of(module) not in LEVEL} == set()


@pytest.mark.parametrize("part", LEVEL)
def test_imports_run_one_way(part: str) -> None:
    """A part imports only from itself and from the layers below its own."""
    wrong = [
        f"{name(path)} imports from {other}"
        for module, path in package_modules()
        if part_of(module) == part
        for other in imported_parts(ast.parse(path.read_text()))
        if other != part and LEVEL[other] >= LEVEL[part]
    ]
    assert wrong == []


@pytest.mark.parametrize("library", USERS)
def test_libraries_stay_in_their_parts(library: str) -> None:
    """A library is imported only by the parts that may know it, so that production code can use the others alone."""
    strangers = [
        name(path)
        for module, path in package_modules()
        if part_of(module) not in USERS[library]
        for node in ast.walk(ast.parse(path.read_text()))
        if library in {imported.partition(".")[0] for imported in imported_names(node)}
    ]
    assert strangers == []


def test_the_package_asserts_nothing() -> None:
    """The package raises errors that say what to do, where an assert would say nothing and vanish under -O."""
    asserts = [
        f"{name(path)}:{node.lineno}"
        for path in python_files("src", "factories")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    ]
    assert asserts == []


def test_the_top_is_tidy() -> None:
    """At the top of the repository lies only what has its place there."""
    assert {entry for entry in top_level_entries() if not entry.startswith(".")} <= TOP_LEVEL
