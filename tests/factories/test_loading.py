"""What the package of the factories loads, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

from swe_db import factories

LOADED = "import sys; print(*sorted({'factory', 'faker', 'hypothesis', 'psycopg'} & sys.modules.keys()))"


def loaded_by(statement: str) -> str:
    """Return which libraries `statement` loads in a new interpreter."""
    command = [sys.executable, "-c", f"{statement}; {LOADED}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_package_loads_no_library() -> None:
    """The plugin numbers the rows of every test: nothing is loaded for that."""
    assert loaded_by("import swe_db.factories.scope") == ""


def test_binding_loads_no_factory_boy() -> None:
    """A fixture may bind its connection for tests that perhaps use no factory: factory-boy is not loaded for that."""
    assert loaded_by("from swe_db.factories import bound") == "psycopg"


def test_a_factory_loads_factory_boy() -> None:
    """The first factory that is used loads what it needs."""
    assert loaded_by("from swe_db.factories import UserFactory") == "factory faker psycopg"


def test_a_strategy_loads_hypothesis() -> None:
    """Hypothesis is loaded by the first strategy, not by the name."""
    assert "hypothesis" not in loaded_by("from swe_db.factories import strategy")
    assert "hypothesis" in loaded_by("from swe_db.factories import UserFactory, strategy; strategy(UserFactory)")


@pytest.mark.parametrize("name", factories.__all__)
def test_public_names_exist(name: str) -> None:
    """Every public name is there, and `dir()` shows it."""
    assert getattr(factories, name) is not None
    assert name in dir(factories)


def test_unknown_names_are_attribute_errors() -> None:
    """A name that the package does not have is an AttributeError that gives it."""
    with pytest.raises(AttributeError, match="no attribute 'UsersFactory'"):
        factories.UsersFactory  # type: ignore[attr-defined] # noqa: B018
