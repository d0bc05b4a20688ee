"""What the values of several tables are made of."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any

from swe_db.factories.base import BEGIN

__all__ = ["chosen", "latest", "slug"]


def chosen(row: Any, *traits: str, otherwise: str) -> str:
    """Return the one of `traits` that the row has, `otherwise` if it has none."""
    return next((trait for trait in traits if getattr(row, trait)), otherwise)


def latest(*rows: Any) -> datetime:
    """Return when the last of these rows was made; those that are None do not count."""
    return max((row.created_at for row in rows if row is not None), default=BEGIN)


def slug(text: str) -> str:
    """Return words in ASCII and lower case with hyphens between them, empty where there are none."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
