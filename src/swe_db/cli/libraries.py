"""The libraries of the extra `generate`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from swe_db.errors import ConfigError

__all__ = ["require_libraries"]

_LIBRARIES: Final = ("numpy", "pyarrow", "rich")


def require_libraries() -> None:
    """Make sure that the libraries of the generator are installed, without loading them.

    Raises:
        ConfigError: One is missing.
    """
    for library in _LIBRARIES:
        if find_spec(library) is None:
            raise ConfigError(
                f"This needs {library}, which is not installed. The libraries of the generator come with an extra: "
                "pip install 'swe-db[generate]'"
            )
