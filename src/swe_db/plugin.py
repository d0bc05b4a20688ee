"""The pytest plugin: options, header, what is skipped and what is started. Kept light: the rest is loaded when on."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest

from swe_db import fixtures, scopes, service_fixtures
from swe_db.config import OPTIONS, Option, Settings, resolve
from swe_db.errors import ConfigError, SweDBError

if TYPE_CHECKING:
    from swe_db.run import Run

MARKER: Final = (
    'swe_db(*, seeds="name"|["name", ...], isolation="reset"|"clone"|"rollback"): give the test its own Postgres and '
    "Redis, with DATABASE_URL and REDIS_URL set, and in the database the seeds of the sub-directory of that name."
)
ISOLATIONS: Final = ("reset", "clone", "rollback")
INI_TYPES: Final = {"bool": "bool", "paths": "paths"}
NEEDS: Final = {
    "postgres": frozenset(
        {
            "swe_worker",
            "swe_postgres",
            "swe_database",
            "swe_db",
            "swe_async_db",
            "swe_env",
            "swe_queries",
            "swe_factories",
            "swe_faults",
        }
    ),
    "redis": frozenset(
        {"swe_redis_server", "swe_redis", "swe_async_redis", "swe_env", "swe_faults", *service_fixtures.__all__}
    ),
}
FIXTURES: Final = frozenset({*fixtures.__all__, *service_fixtures.__all__})
QUESTIONS: Final = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "collectonly", "cacheshow")
SETTINGS: Final = fixtures.SETTINGS
TOLD: Final = {
    fixtures.LEAK: "swe-db: left open, and ended after the test",
    fixtures.CHANGE: "swe-db: changed on a server that others use, and left as it is",
}
FAILURES: Final = pytest.StashKey[dict[str, None]]()
FIRST_TEST: Final = """Begin with test_first.py, for instance:

def test_a_user_can_be_added(swe_db):
    swe_db.execute("INSERT INTO users (username, email, display_name) VALUES ('ann', 'ann@example.org', 'Ann')")
    swe_db.commit()
    assert swe_db.execute("SELECT count(*) FROM users").fetchone() == (6,)
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare flags and ini names, both from `swe_db.config.OPTIONS`."""
    group = parser.getgroup("swe_db", "swe-db: a real Postgres and Redis for every test")
    for option in OPTIONS:
        group.addoption(option.flag, dest=option.ini, help=f"{option.help} [{option.env}]", **_argument(option))
        parser.addini(option.ini, option.help, type=INI_TYPES.get(option.kind, "string"), default=None)  # type: ignore[arg-type]


def _argument(option: Option) -> dict[str, Any]:
    if option.kind == "bool":
        return {"action": argparse.BooleanOptionalAction, "default": None}
    if option.kind == "paths":
        return {"action": "append", "metavar": option.metavar, "default": None}
    if option.choices:
        return {"choices": option.choices, "default": None}
    return {"metavar": option.metavar, "default": None}


def read_settings(config: pytest.Config, namespace: argparse.Namespace) -> Settings:
    """Return the settings of a run.

    Args:
        config: pytest's configuration, for the ini file.
        namespace: The command line.

    Raises:
        pytest.UsageError: A value is not acceptable.
    """

    def command_line(option: Option) -> object:
        value = getattr(namespace, option.ini, None)
        if value is None or option.kind not in {"number", "paths"}:
            return value
        return option.parse(os.pathsep.join(value) if option.kind == "paths" else value, option.flag)

    def ini(option: Option) -> object:
        try:
            value = config.getini(option.ini)
        except (ValueError, TypeError, pytest.UsageError) as error:
            raise ConfigError(f"ini {option.ini}: {error}") from None
        if value is None or option.kind == "bool":
            return value
        return tuple(value) if option.kind == "paths" else option.parse(str(value), f"ini {option.ini}")

    try:
        return resolve(command_line=command_line, environ=os.environ, ini=ini)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the environment of the whole run before anything of the project is imported, where that is asked for."""
    known = early_config.known_args_namespace
    settings = read_settings(early_config, known)
    if not (settings.config.enabled and settings.config.env):
        return
    run = _make_run(early_config, settings)
    try:
        run.set_environment(started=_runs_tests(known))
    except SweDBError as error:
        if not _is_worker():
            raise pytest.UsageError(str(error)) from None
        run.set_environment(started=False)  # a worker tells its controller when the first test comes


def _make_run(config: pytest.Config, settings: Settings) -> Run:
    from swe_db.run import Run  # noqa: PLC0415 - nothing of it is needed where swe-db is off

    name = os.environ["PYTEST_XDIST_WORKER"] if _is_worker() else "main"
    run = config.stash[fixtures.RUN] = Run(settings, name)
    config.add_cleanup(run.close)
    return run


def _runs_tests(namespace: argparse.Namespace) -> bool:
    """Tell whether this process runs tests itself, and does not only answer a question or hand tests to workers."""
    return not (_is_controller(namespace) or any(getattr(namespace, name, None) for name in QUESTIONS))


def _is_worker() -> bool:
    """Tell whether this is a worker of xdist; what a worker starts inherits the variable, but not how execnet began."""
    return "PYTEST_XDIST_WORKER" in os.environ and sys.argv[:1] == ["-c"]


def _is_controller(namespace: argparse.Namespace) -> bool:
    return _distributes(namespace) and not _is_worker()


def _distributes(namespace: argparse.Namespace) -> bool:
    """Tell whether xdist hands the tests to workers; it has not counted yet what `-n auto` is."""
    workers = getattr(namespace, "numprocesses", None)
    if isinstance(workers, str) and (namespace.usepdb or os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS") == "0"):
        workers = 0
    return bool(getattr(namespace, "tx", None) or workers)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and the fixtures; read the settings."""
    from swe_db.async_fixtures import async_fixtures  # noqa: PLC0415

    config.addinivalue_line("markers", MARKER)
    config.stash[FAILURES] = {}
    config.stash[SETTINGS] = settings = read_settings(config, config.option)
    config.pluginmanager.register(fixtures, "swe_db_fixtures")
    config.pluginmanager.register(service_fixtures, "swe_db_service_fixtures")
    config.pluginmanager.register(scopes, "swe_db_scopes")
    if settings.config.enabled:
        from swe_db import enabled  # noqa: PLC0415

        config.pluginmanager.register(enabled, "swe_db_enabled")
        config.pluginmanager.register(async_fixtures(config.pluginmanager), "swe_db_async_fixtures")
        if fixtures.RUN not in config.stash:
            _make_run(config, settings)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which servers there will be and where each setting came from; nothing is started for that."""
    run = config.stash.get(fixtures.RUN, None)
    try:
        return run.header() if run else None
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs swe-db where it is off; refuse a marker that says what we do not know."""
    enabled = config.stash[SETTINGS].config.enabled
    for item in items:
        marker = item.get_closest_marker("swe_db")
        for each in item.iter_markers("swe_db"):
            _check_marker(item, each)
        if not enabled and (marker or _asked(item, FIXTURES)):
            item.add_marker(pytest.mark.skip(reason=fixtures.OFF))


def _check_marker(item: pytest.Item, marker: pytest.Mark) -> None:
    if marker.args or not marker.kwargs.keys() <= {"isolation", "seeds"}:
        raise pytest.UsageError(f"{item.nodeid}: the marker swe_db takes isolation=… and seeds=… and nothing else")
    if marker.kwargs.get("isolation", "reset") not in ISOLATIONS:
        raise pytest.UsageError(
            f"{item.nodeid}: isolation is {marker.kwargs['isolation']!r}: use one of {', '.join(ISOLATIONS)}"
        )

    if "seeds" in marker.kwargs:
        _check_seeds(item, marker.kwargs["seeds"])


def _check_seeds(item: pytest.Item, seeds: object) -> None:
    """Refuse what is no name of seeds; whether there are seeds of that name is of no interest where swe-db is off."""
    names: Sequence[Any] = seeds if isinstance(seeds, list | tuple) else [seeds]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise pytest.UsageError(f"{item.nodeid}: seeds is {seeds!r}: give the name of a seed set, or a list of names")
    run = item.config.stash.get(fixtures.RUN, None)
    try:
        _ = run and run.layer(names)
    except SweDBError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def _asked(item: pytest.Item, names: frozenset[str]) -> bool:
    return not names.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Start what the selected tests need, so that a run which cannot have it ends before its first test."""
    run = session.config.stash.get(fixtures.RUN, None)
    if run is None or not _runs_tests(session.config.option):
        return
    everything = run.settings.config.env and bool(session.items)
    needed = [
        service
        for service, names in NEEDS.items()
        if everything or any(_asked(item, names) or item.get_closest_marker("swe_db") for item in session.items)
    ]
    seeds = (fixtures.marked(item, "seeds") for item in session.items)
    try:
        run.start(needed, [each for each in seeds if each])
    except SweDBError as error:
        if not hasattr(session.config, "workeroutput"):
            run.failure = None  # pytest itself tells it
            raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Run no test where nothing can be started: a worker of xdist only finds out after it was given tests."""
    run = item.config.stash.get(fixtures.RUN, None)
    if run is None or run.failure is None:
        return None
    item.session.shouldstop = fixtures.CANNOT_GO_ON
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - xdist's WorkerController
    """Take over what a worker could not start, and what it has counted."""
    output = getattr(node, "workeroutput", {})
    if "swe_db_failure" in output:
        node.config.stash[FAILURES][output["swe_db_failure"]] = None
    run = node.config.stash.get(fixtures.RUN, None)
    if run is not None and "swe_db_summary" in output:
        run.summary.merge(output["swe_db_summary"])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Make a start that failed a usage error, in the controller of xdist too."""
    run = session.config.stash.get(fixtures.RUN, None)
    if run is None:
        return
    failures = session.config.stash[FAILURES]
    if run.failure is not None:
        failures[str(run.failure)] = None
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["swe_db_summary"] = run.finish().plain()
        # Here and not with the configuration's end: xdist waits for it, while it kills ten seconds after the last test.
        run.close()
    if failures and hasattr(session.config, "workeroutput"):
        session.config.workeroutput["swe_db_failure"] = "\n".join(failures)
    elif failures:
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def pytest_terminal_summary(
    terminalreporter: Any,  # noqa: ANN401 - not a public type
    exitstatus: int,
    config: pytest.Config,
) -> None:
    """Say what could not be started, and how many tests were skipped because swe-db is off."""
    for failure in config.stash[FAILURES]:
        terminalreporter.write_line(f"ERROR: {failure}", red=True)
    for name, title in TOLD.items():
        lines = _told(terminalreporter.stats, name)
        if lines:
            terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
    run = config.stash.get(fixtures.RUN, None)
    if run is not None:
        _summarise(terminalreporter, run)
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not terminalreporter.stats.get("deselected"):
            terminalreporter.write_line(f"swe-db: there is no test here yet. {FIRST_TEST}")
    skipped = [report for report in terminalreporter.getreports("skipped") if fixtures.OFF in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"swe-db: {len(skipped)} skipped because it is off (--swe-db switches it on)")


def _summarise(terminalreporter: Any, run: Run) -> None:  # noqa: ANN401 - not a public type
    summary = run.finish()
    if run.settings.config.durations and summary.starts:
        terminalreporter.section("swe-db: durations")
        for line in summary.lines():
            terminalreporter.write_line(line)
    elif summary.tests and terminalreporter.verbosity >= 0:
        terminalreporter.write_line(summary.line)


def _told(reports: Mapping[str, Sequence[Any]], wanted: str) -> list[str]:
    """Return what tests left, from their reports by outcome; that of the tear-down has it all."""
    return [
        f"{report.nodeid}: {value}"
        for group in reports.values()
        for report in group
        if getattr(report, "when", None) == "teardown"
        for name, value in report.user_properties
        if name == wanted
    ]
