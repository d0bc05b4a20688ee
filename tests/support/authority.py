"""A certificate authority of the tests' own, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

__all__ = ["Authority"]

CONFIGURATION: Final = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[member]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = {subject}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Authority:
    """Signs certificates.

    Args:
        directory: An empty directory for its files.

    Attributes:
        certificate: The file by which it is trusted.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.certificate = self._made("authority", "DNS:nobody", "authority")[0]

    def issue(self, name: str, subject: str = "IP:127.0.0.1") -> tuple[Path, Path]:
        """Return the files of a certificate and of its key.

        Args:
            name: What the files are called.
            subject: Whom the certificate names, `IP:127.0.0.1` or `DNS:example.org`.
        """
        signed = ["-CA", str(self.certificate), "-CAkey", str(self._directory / "authority.key")]
        return self._made(name, subject, "member", *signed)

    def _made(self, name: str, subject: str, extensions: str, *signed: str) -> tuple[Path, Path]:
        certificate, key, configuration = (self._directory / f"{name}.{end}" for end in ("crt", "key", "cnf"))
        configuration.write_text(CONFIGURATION.format(name=name, subject=subject))
        new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        files = ["-config", str(configuration), "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(["openssl", *new, *files, "-extensions", extensions, *signed], check=True, capture_output=True)
        return certificate, key
