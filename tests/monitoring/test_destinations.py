"""Mail over TLS, and Apprise: real servers on the loopback, with certificates of our own."""

import json
import socket
import ssl
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hourhand.alerts import web
from hourhand.alerts.destinations import Deliver, destinations
from hourhand.settings import load_settings
from tests.monitoring.conftest import Mailbox, Receiver

MESSAGE = {
    "id": "7f8c3c1e-6c1e-4f0e-9d0a-3a4c9d1f2b11",
    "body": {
        "event": "alert.opened",
        "alert_id": 12,
        "summary": "schedule nightly has failed",
        "opened_at": "2026-12-24T03:00:12+00:00",
        "details": {},
    },
}
PASSWORD = "p@ss word"


def certificate(directory: Path, host: str) -> Path:
    """A file with a key and a certificate for this host, which vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = directory / f"{host}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    for host in ("localhost", "mail.example.org"):
        certificate(directory, host)
    return directory


@pytest.fixture
def trusted(certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts both certificates."""
    bundle = tmp_path / "trusted.pem"
    bundle.write_text("".join(file.read_text() for file in certificates.glob("*.pem")))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))


class Logins(Mailbox):
    """It also keeps who has tried to log in, and with what."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[tuple[bytes, bytes]] = []

    def __call__(self, _server: Any, _session: Any, _envelope: Any, _how: str, who: Any) -> AuthResult:
        assert isinstance(who, LoginPassword)
        self.tried.append((who.login, who.password))
        return AuthResult(success=who.password == PASSWORD.encode(), handled=False)


@pytest.fixture
def serve(certificates: Path) -> Iterator[Callable[..., Logins]]:
    """A mail server: `serve("smtps")`, `serve("smtp", starttls=False)`."""
    with ExitStack() as stack:

        def serve(scheme: str, *, host: str = "localhost", starttls: bool = True) -> Logins:
            box = Logins()
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificates / f"{host}.pem")
            with socket.create_server(("127.0.0.1", 0)) as ear:
                port = ear.getsockname()[1]
            options: dict[str, Any] = {"authenticator": box, "auth_require_tls": scheme == "smtp"}
            if scheme == "smtps":
                options["ssl_context"] = context
            elif starttls:
                options["tls_context"] = context
            controller = Controller(box, hostname="127.0.0.1", port=port, **options)
            controller.start()
            stack.callback(controller.stop)
            box.url = f"{scheme}://LOGIN@localhost:{port}?from=jobs@example.org"
            return box

        yield serve


def mail(box: Mailbox, login: str | None = "jobs:p%40ss%20word") -> Deliver:
    address = box.url.replace("LOGIN@", f"{login}@" if login else "")
    return destinations(load_settings(smtp_url=address, alert_email="ann@example.org"))["email"]


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
@pytest.mark.usefixtures("trusted")
def test_mail_goes_over_tls_with_a_login(serve: Callable[..., Logins], scheme: str) -> None:
    box = serve(scheme)
    mail(box)(MESSAGE)
    assert box.tried == [(b"jobs", PASSWORD.encode())]
    assert [each["subject"] for each in box.mails] == ["[hourhand] Problem: schedule nightly has failed"]


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_a_certificate_that_nobody_vouches_for_is_refused(serve: Callable[..., Logins], scheme: str) -> None:
    box = serve(scheme)
    with pytest.raises(OSError, match="certificate verify failed"):
        mail(box)(MESSAGE)
    assert (box.tried, box.mails) == ([], [])


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_host_is_refused(serve: Callable[..., Logins], scheme: str) -> None:
    box = serve(scheme, host="mail.example.org")
    with pytest.raises(OSError, match="Hostname mismatch"):
        mail(box)(MESSAGE)
    assert (box.tried, box.mails) == ([], [])


def test_without_tls_no_password_is_sent(serve: Callable[..., Logins]) -> None:
    """As when somebody in between has taken STARTTLS out."""
    box = serve("smtp", starttls=False)
    with pytest.raises(OSError, match="STARTTLS"):
        mail(box)(MESSAGE)
    assert (box.tried, box.mails) == ([], [])
    mail(box, login=None)(MESSAGE)
    assert len(box.mails) == 1


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_told_without_itself(serve: Callable[..., Logins]) -> None:
    box = serve("smtps")
    with pytest.raises(OSError, match="the mail server refused it") as caught:
        mail(box, login="jobs:mistaken")(MESSAGE)
    assert "mistaken" not in str(caught.value)
    assert box.mails == []


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # apprise asks whether it is there
def test_apprise_delivers_to_what_it_knows(receiver: Receiver) -> None:
    address = receiver.url.replace("http://", "json://")
    destinations(load_settings(alert_apprise=address))["apprise"](MESSAGE)
    [posted] = receiver.posted
    body = json.loads(posted.body)
    assert body["title"] == "[hourhand] Problem: schedule nightly has failed"
    assert "Since: 2026-12-24" in body["message"]


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
def test_apprise_says_that_it_could_not(receiver: Receiver) -> None:
    receiver.status = 500
    address = receiver.url.replace("http://", "json://")
    with pytest.raises(OSError, match="apprise could not deliver it"):
        destinations(load_settings(alert_apprise=address))["apprise"](MESSAGE)


def test_apprise_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(OSError, match=r"pip install 'hourhand\[apprise\]'"):
        destinations(load_settings(alert_apprise="json://127.0.0.1"))["apprise"](MESSAGE)


# --- HTTP ---


def test_the_login_of_an_address_is_sent_as_such(receiver: Receiver) -> None:
    web.post(receiver.url.replace("//", "//ann:p%40ss@"), b"{}", {})
    [posted] = receiver.posted
    assert b64decode(posted.headers["authorization"].removeprefix("Basic ")) == b"ann:p@ss"
    web.post(receiver.url, b"{}", {})
    assert "authorization" not in receiver.posted[1].headers


def test_a_server_that_takes_its_time_with_every_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "LONGEST", 0.3)
    ended = threading.Event()

    def drip(ear: socket.socket) -> None:
        connection, _ = ear.accept()
        with connection, suppress(OSError):
            while not ended.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as ear:
        thread = threading.Thread(target=drip, args=[ear], daemon=True)
        thread.start()
        with pytest.raises(OSError, match=r"127\.0\.0\.1 did not speak HTTP"):
            web.post(f"http://127.0.0.1:{ear.getsockname()[1]}/", b"", {})
        ended.set()
        thread.join(10)
