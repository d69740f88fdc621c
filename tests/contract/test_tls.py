"""Listening addresses and TLS: the refusal of plain HTTP on public addresses, and the headers of every answer."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from running_server import SECRET_KEY, AccountAccess, RunningServer, find_free_port
from waiting import await_true

from consentory.bootstrap.endpoint import choose_endpoint
from consentory.client.api_client import ConsentoryClient, ServerUnreachable
from consentory.config import SettingError

pytestmark = pytest.mark.processes

CONSENTORY = Path(sys.executable).with_name("consentory")
UP_SECONDS = 90.0


def write_certificate(folder: Path, name: str = "server") -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Consentory of a test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_certificate(tmp_path_factory.mktemp("tls"))


def make_environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
    return kept | {f"CONSENTORY_{name.upper()}": value for name, value in settings.items()}


# Which addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_this_machine_alone_needs_no_tls(host: str) -> None:
    endpoint = choose_endpoint(host, 8480)
    assert endpoint.url.startswith("http://")
    assert ipaddress.ip_address(endpoint.host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "2001:db8::1"])
def test_other_machines_are_not_served_without_tls_unless_insecure_http_is_set(
    host: str, certificate: tuple[Path, Path]
) -> None:
    with pytest.raises(SettingError, match=r"--tls-cert and --tls-key.*127\.0\.0\.1.*--insecure-http"):
        choose_endpoint(host, 8480)
    assert choose_endpoint(host, 8480, insecure_http=True).list_flags()[-1] == "--insecure-http"
    assert choose_endpoint(host, 8480, *map(str, certificate)).url.startswith("https://")


def test_a_text_that_is_not_an_address_is_refused(certificate: tuple[Path, Path]) -> None:
    with pytest.raises(SettingError, match=r"Host must be an address of this machine, not no\.such\.host\.invalid"):
        choose_endpoint("no.such.host.invalid", 8480)
    with pytest.raises(SettingError, match="Port must be a number from 1 to 65535, not 0"):
        choose_endpoint("127.0.0.1", 0)


def test_an_unusable_certificate_is_refused(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = map(str, certificate)
    for pair in ((cert, None), (None, key)):
        with pytest.raises(SettingError, match="TLS needs a certificate and its private key"):
            choose_endpoint("127.0.0.1", 8480, *pair)
    with pytest.raises(SettingError, match=r"--tls-cert .*nowhere\.pem cannot be read"):
        choose_endpoint("127.0.0.1", 8480, str(tmp_path / "nowhere.pem"), key)
    _, other = write_certificate(tmp_path, "other")
    with pytest.raises(SettingError, match="no certificate with its private key"):
        choose_endpoint("127.0.0.1", 8480, cert, str(other))
    (tmp_path / "noise.pem").write_text("no PEM")
    with pytest.raises(SettingError, match="no certificate with its private key"):
        choose_endpoint("127.0.0.1", 8480, str(tmp_path / "noise.pem"), key)


@pytest.mark.parametrize("command", ["up", "serve"])
def test_the_commands_refuse_before_anything_is_started(command: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [CONSENTORY, command, "--host", "0.0.0.0"],
        env=make_environment(data=str(tmp_path / "data"), database_url="postgresql://nobody@127.0.0.1:1/none"),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 2
    assert "--insecure-http" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "data").exists()


def test_insisting_is_also_a_setting_and_means_yes_or_no(tmp_path: Path) -> None:
    run = subprocess.run(
        [CONSENTORY, "serve"],
        env=make_environment(host="0.0.0.0", insecure_http="perhaps", database_url="postgresql://x"),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 2
    assert "Insecure http must be yes or no" in run.stderr


# Over TLS -----------------------------------------------------------------------------------------------------------


@contextmanager
def serving(database_url: str, *flags: str, **settings: str) -> Iterator[int]:
    """The port of a running `consentory serve` with these flags."""
    port = find_free_port()
    server = subprocess.Popen(
        [CONSENTORY, "serve", "--port", str(port), *flags],
        env=make_environment(database_url=database_url, secret_key=SECRET_KEY, parent=str(os.getpid()), **settings),
        stderr=subprocess.DEVNULL,
    )
    try:
        await_true(lambda: answers(port) or server.poll() is not None, UP_SECONDS)
        assert server.poll() is None, "the server ended while starting"
        yield port
    finally:
        server.terminate()
        server.wait(20)


def answers(port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for scheme in ("https", "http"):
        try:
            with urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}/readyz", timeout=5, context=context):
                return True
        except (OSError, HTTPException):  # HTTPException: a TLS alert answers the plain request
            continue
    return False


@pytest.fixture(scope="module")
def secured(
    engine: str, running: RunningServer, certificate: tuple[Path, Path]
) -> Iterator[tuple[AccountAccess, Path]]:
    """An account behind a server with TLS, and the certificate of the server."""
    cert, key = certificate
    access = running.create_account()
    with serving(running.database_url, "--tls-cert", str(cert), tls_key=str(key)) as port:
        access.url = f"https://127.0.0.1:{port}"
        yield access, cert


def test_the_client_trusts_a_private_certificate_that_it_is_given(secured: tuple[AccountAccess, Path]) -> None:
    access, cert = secured
    who = (access.url, access.account, access.client_id, access.client_secret, access.user)
    with ConsentoryClient(*who, ca_file=str(cert)) as client:
        assert client.initiate({"Name": "over tls"})["Status"] == "Initiated"
    with ConsentoryClient(*who, patience=0.2) as client, pytest.raises(ServerUnreachable, match="CERTIFICATE_VERIFY"):
        client.initiate({"Name": "not trusted"})
    with pytest.raises(ValueError, match="certificates to trust"):
        ConsentoryClient(*who, ca_file=str(cert.with_name("nowhere.pem")))


def test_so_do_the_commands(secured: tuple[AccountAccess, Path], tmp_path: Path) -> None:
    access, cert = secured
    settings = {
        "server": access.url,
        "account": access.account,
        "client_id": access.client_id,
        "client_secret": access.client_secret,
        "user": access.user,
    }
    listed = subprocess.run(
        [CONSENTORY, "imports", "--json"],
        env=make_environment(**settings, ca_file=str(cert)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr


def test_old_protocols_are_not_spoken(secured: tuple[AccountAccess, Path]) -> None:
    port = int(secured[0].url.rpartition(":")[2])
    offered = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OLD_CLIENT, str(port)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert offered == ["TLSv1:refused", "TLSv1_1:refused", "TLSv1_2:TLSv1.2", "TLSv1_3:TLSv1.3"]


OLD_CLIENT = """
import socket, ssl, sys
for name in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, name)
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
            with context.wrap_socket(plain) as wrapped:
                print(f"{name}:{wrapped.version()}")
    except OSError:
        print(f"{name}:refused")
"""


def test_plain_http_gets_no_answer_where_tls_is_spoken(secured: tuple[AccountAccess, Path]) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(secured[0].url.replace("https:", "http:") + "/healthz", trust_env=False)


# Headers of every answer --------------------------------------------------------------------------------------------

ALWAYS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "server": "consentory",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/schema/openapi.json"), ("POST", "/oauth2/token"),
        ("GET", "/nowhere"), ("DELETE", "/healthz"), ("GET", "/Profiles/v4/Async/{account}/Imports"),
        ("GET", "/Profiles/v4/{account}/Profile?emailAddress=a@example.com"), ("GET", "/Profiles/v4/{account}/Tags"),
        ("PUT", "/Profiles/v4/{account}/Configuration"), ("GET", "/Profiles/v4/nobody/Tags"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("authorized", [True, False])
def test_every_answer_has_its_security_headers(
    secured: tuple[AccountAccess, Path], running: RunningServer, method: str, path: str, authorized: bool
) -> None:
    access, cert = secured
    context = ssl.create_default_context(cafile=str(cert))
    form = {"client_id": access.client_id, "client_secret": access.client_secret}
    with httpx.Client(verify=context, trust_env=False) as client:
        headers = {}
        if authorized:
            token = client.post(f"{access.url}/oauth2/token", data=form).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
        for url, transport in ((access.url, {"strict-transport-security": "max-age=31536000"}), (running.url, {})):
            answer = client.request(method, url + path.format(account=access.account), headers=headers)
            found = {name: answer.headers.get(name) for name in {**ALWAYS, "strict-transport-security": ""}}
            assert found == {"strict-transport-security": None, **ALWAYS, **transport}, (url, answer.status_code)
            assert "set-cookie" not in answer.headers


# The whole tree -----------------------------------------------------------------------------------------------------


def test_up_serves_https_and_says_so(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """The readiness probe also uses TLS, although the certificate is for another name than 0.0.0.0."""
    cert, key = certificate
    port = find_free_port()
    command = [CONSENTORY, "up", "--data", str(tmp_path / "data"), "--host", "0.0.0.0", "--port", str(port)]
    said = tmp_path / "said.txt"
    with said.open("wb") as out:
        up = subprocess.Popen(
            [*command, "--workers", "1", "--tls-cert", str(cert), "--tls-key", str(key)],
            env=make_environment(),
            stdout=out,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
    try:
        await_true(lambda: "is up" in said.read_text() or up.poll() is not None, UP_SECONDS)
        assert up.poll() is None
        assert (
            said.read_text()
            == f"Consentory is up: https://0.0.0.0:{port}\nThe console: https://0.0.0.0:{port}/console\n"
        )
        context = ssl.create_default_context(cafile=str(cert))
        with httpx.Client(verify=context, trust_env=False) as client:
            assert client.get(f"https://127.0.0.1:{port}/readyz").status_code == 200
    finally:
        up.terminate()
        up.wait(30)
