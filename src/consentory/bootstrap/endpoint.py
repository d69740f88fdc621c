"""The endpoint of the API: its address, its port, and its certificate for TLS."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from consentory.config import SettingError

_PROBE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that `choose_endpoint` accepted. `certificate` and `key`: PEM files; None: without TLS."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    insecure: bool = False
    """True: a person permitted plain HTTP on an address that other machines can reach."""

    @property
    def url(self) -> str:
        """The URL of the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.certificate is None else 'https'}://{host}:{self.port}"

    def list_flags(self) -> list[str]:
        """The flags of `consentory serve` for this endpoint."""
        flags = ["--host", self.host, "--port", str(self.port)]
        if self.certificate is not None and self.key is not None:
            flags += ["--tls-cert", str(self.certificate), "--tls-key", str(self.key)]
        return [*flags, "--insecure-http"] if self.insecure else flags

    def probe(self) -> None:
        """Ask our own server if it is ready. Raises OSError if it is not."""
        url = self.url.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")  # noqa: S104
        # No check of the certificate, which has another name. The call sends no secret and trusts no answer.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
        with opener.open(f"{url}/readyz", timeout=_PROBE_SECONDS):
            return


def choose_endpoint(
    host: str, port: int, tls_cert: str | None = None, tls_key: str | None = None, *, insecure_http: bool = False
) -> Endpoint:
    """The endpoint of the settings.

    Raises SettingError: one of certificate and key without the other, a pair that cannot be used, and plain
    HTTP on an address that others can reach unless `insecure_http`.
    """
    if not 0 < port < 65536:
        raise SettingError(f"Port must be a number from 1 to 65535, not {port}. Give --port such a number.")
    if (tls_cert is None) != (tls_key is None):
        raise SettingError("TLS needs a certificate and its private key. Give both --tls-cert and --tls-key.")
    address = _find_address(host)
    if tls_cert is None or tls_key is None:
        if not ipaddress.ip_address(address).is_loopback and not insecure_http:
            raise SettingError(
                f"Other machines can reach host {host}, and without TLS anybody on the network can read the consents"
                " and the credentials. Give --tls-cert and --tls-key, or use the host 127.0.0.1. If a proxy does TLS in"
                " front of it on your own network, add --insecure-http."
            )
        return Endpoint(address, port, insecure=insecure_http)
    certificate, key = Path(tls_cert).absolute(), Path(tls_key).absolute()
    _check_pair(certificate, key)
    return Endpoint(address, port, certificate, key)


def _find_address(host: str) -> str:
    """The IP address to listen on. For a name (localhost): its first address."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise SettingError(
            f"Host must be an address of this machine, not {host}: {error}. Give --host such an address."
        ) from error


def _check_pair(certificate: Path, key: Path) -> None:
    for path, flag in ((certificate, "--tls-cert"), (key, "--tls-key")):
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingError(f"{flag} {path} cannot be read: {error.strerror}.") from error
    try:
        # An encrypted key must not ask for its password, because a server has no person at its terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise SettingError(
            f"{certificate} and {key} are no certificate with its private key, both PEM, the key without a password"
            f" ({reason})."
        ) from error
