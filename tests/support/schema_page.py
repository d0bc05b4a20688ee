"""docs/schema.md, which comes from the catalogue. Run this file to bring it up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from swe_db.config import Config
from swe_db.migrations import migrate
from swe_db.schema.catalogue import read_catalogue
from swe_db.schema.page import schema_page
from swe_db.servers.ladder import start_postgres_server

PAGE: Final = Path(__file__).parents[2] / "docs" / "schema.md"


def main() -> None:
    """Migrate an empty database and write the page about it."""
    server = start_postgres_server(Config())
    try:
        migrate(server.address.url)
        PAGE.write_text(schema_page(read_catalogue(server.address.url)), encoding="utf-8")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
