"""pg_dump and pg_restore for a site, and what they are told."""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from swe_db.environment.maintenance import Maintenance
from swe_db.environment.site import Site
from swe_db.servers.programs import ClientPrograms, find_programs

__all__ = ["programs_of", "server_version", "without_password"]

SECRETS = ("password", "sslpassword")


def programs_of(site: Site, work: Maintenance) -> ClientPrograms:
    """Return the programs for the server of a site.

    Raises:
        ServerError: There are none of its version.
    """
    if site.container is not None:
        from swe_db.servers.docker.programs import ContainerPrograms  # noqa: PLC0415 - imports docker

        return ContainerPrograms(site.container, server_version(work))
    return find_programs(server_version(work), site.programs)


def server_version(work: Maintenance) -> str:
    """Return the server's version as text, `15.18`."""
    return str(work.connection.info.parameter_status("server_version")).split()[0]


def without_password(conninfo: str) -> tuple[str, str]:
    """Return a conninfo string without its password, which would be seen in a list of processes, and the password."""
    given = conninfo_to_dict(conninfo)
    rest = {key: value for key, value in given.items() if key not in SECRETS and value is not None}
    return make_conninfo("", **rest), str(given.get("password") or "")
