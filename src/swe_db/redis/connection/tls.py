"""How a connection to Redis is encrypted, and whom it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from swe_db.errors import ConfigError

__all__ = ["TLSConfig"]

File: TypeAlias = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class TLSConfig:
    """Whom to trust, and who we are. The server's certificate is always verified.

    Attributes:
        ca: File with the certificates of the authorities to trust (PEM), None for those of this machine.
        cert: File with our own certificate, where the server asks for one.
        key: File with the private key of `cert`.
        check_hostname: Whether the server's certificate must name the host of the URL.

    Raises:
        ConfigError: A file is not there, or `cert` comes without `key`.
    """

    ca: File | None = None
    cert: File | None = None
    key: File | None = None
    check_hostname: bool = True

    def __post_init__(self) -> None:
        for name, file in (("ca", self.ca), ("cert", self.cert), ("key", self.key)):
            if file is not None and not Path(file).is_file():
                raise ConfigError(f"TLSConfig: {name} is {str(file)!r}, and there is no such file")
        if (self.cert is None) != (self.key is None):
            raise ConfigError("TLSConfig: cert and key go together, give both or none")

    @property
    def options(self) -> dict[str, object]:
        """What redis-py is told, but that the connection is encrypted."""
        files = {"ssl_ca_certs": self.ca, "ssl_certfile": self.cert, "ssl_keyfile": self.key}
        named: dict[str, object] = {name: str(file) for name, file in files.items() if file is not None}
        return {**named, "ssl_cert_reqs": "required", "ssl_check_hostname": self.check_hostname}
