"""Where the API is served and how: address, port, and the certificate of TLS."""

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
    """An address that `choose_endpoint` let through; `certificate` and `key` are PEM files, None without TLS."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    insecure: bool = False
    """Plain HTTP on other addresses than this machine's own was insisted on."""

    @property
    def url(self) -> str:
        """Where the server answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.certificate is None else 'https'}://{host}:{self.port}"

    def list_flags(self) -> list[str]:
        """The flags of `consentory serve` that mean this endpoint."""
        flags = ["--host", self.host, "--port", str(self.port)]
        if self.certificate is not None and self.key is not None:
            flags += ["--tls-cert", str(self.certificate), "--tls-key", str(self.key)]
        return [*flags, "--insecure-http"] if self.insecure else flags

    def probe(self) -> None:
        """Ask our own server whether it is ready. Raises OSError while it is not."""
        url = self.url.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")  # noqa: S104
        # Nothing secret is sent or believed, and the certificate is made out for another name than this.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
        with opener.open(f"{url}/readyz", timeout=_PROBE_SECONDS):
            return


def choose_endpoint(
    host: str, port: int, tls_cert: str | None = None, tls_key: str | None = None, *, insecure_http: bool = False
) -> Endpoint:
    """The endpoint that the settings mean.

    Raises SettingError: one of certificate and key without the other, a pair that cannot be used, and plain
    HTTP on an address that others can reach unless `insecure_http`.
    """
    if not 0 < port < 65536:
        raise SettingError(f"Port {port} is none; give --port a number from 1 to 65535.")
    if (tls_cert is None) != (tls_key is None):
        raise SettingError("TLS needs both: the certificate by --tls-cert and its private key by --tls-key.")
    address = _find_address(host)
    if tls_cert is None or tls_key is None:
        if not ipaddress.ip_address(address).is_loopback and not insecure_http:
            raise SettingError(
                f"Host {host} is reachable for others, and without TLS everybody on the way reads what people agreed"
                " to and the credentials as well. Give --tls-cert and --tls-key; or listen on 127.0.0.1 alone; or,"
                " where a proxy before it does TLS on a network of your own, insist with --insecure-http."
            )
        return Endpoint(address, port, insecure=insecure_http)
    certificate, key = Path(tls_cert).absolute(), Path(tls_key).absolute()
    _check_pair(certificate, key)
    return Endpoint(address, port, certificate, key)


def _find_address(host: str) -> str:
    """The IP address to listen on; of a name (localhost) the first that it stands for."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise SettingError(f"Host {host} is no address of this machine: {error}. Give --host another.") from error


def _check_pair(certificate: Path, key: Path) -> None:
    for path, flag in ((certificate, "--tls-cert"), (key, "--tls-key")):
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingError(f"{flag} {path} cannot be read: {error.strerror}.") from error
    try:
        # An encrypted key must not ask for its password on a terminal that nobody looks at.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise SettingError(
            f"{certificate} and {key} are no certificate with its private key, both PEM, the key without a password"
            f" ({reason})."
        ) from error
