"""Where messages go. A destination delivers one message, or raises OSError; it may get a message twice."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from hourhand.alerts import message

if TYPE_CHECKING:
    from email.message import EmailMessage

    from hourhand.settings import Settings

Message = Mapping[str, Any]
Deliver = Callable[[Message], None]

SMTP_TIMEOUT = 10.0
_DEFAULT_SENDER = "hourhand@localhost"
_PING_PATHS = {"start": "/start", "success": "", "fail": "/fail"}


def destinations(settings: Settings) -> dict[str, Deliver]:
    """Those that are configured, by name."""
    found: dict[str, Deliver] = {}
    if settings.alert_webhook is not None:
        secret = settings.alert_webhook_secret
        address = settings.alert_webhook.get_secret_value()
        found["webhook"] = Webhook(address, secret.get_secret_value() if secret else None)
    if settings.alert_email and settings.smtp_url is not None:
        found["email"] = Mail(settings.smtp_url.get_secret_value(), settings.alert_email)
    if settings.alert_apprise is not None:
        found["apprise"] = Apprise(settings.alert_apprise.get_secret_value().split())
    return found


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """What the header `X-Hourhand-Signature` says: the receiver computes the same and compares."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    def __init__(self, address: str, secret: str | None) -> None:
        self._address = address
        self._secret = secret

    def __call__(self, sent: Message) -> None:
        from hourhand.alerts import web

        body = json.dumps({"id": sent["id"], **sent["body"]}, separators=(",", ":")).encode()
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "idempotency-key": sent["id"],
            "x-hourhand-timestamp": timestamp,
        }
        if self._secret is not None:
            headers["x-hourhand-signature"] = sign(self._secret, timestamp, body)
        web.post(self._address, body, headers)


class Mail:
    """By SMTP. `smtps` is TLS from the start; `smtp` uses STARTTLS if offered, a must to log in."""

    def __init__(self, address: str, receivers: tuple[str, ...]) -> None:
        self._server = urlsplit(address)
        self._receivers = receivers
        self._sender = parse_qs(self._server.query).get("from", [_DEFAULT_SENDER])[0]

    def __call__(self, sent: Message) -> None:
        import smtplib

        try:
            self._send(self._written(sent))
        except smtplib.SMTPException as error:
            raise OSError(f"the mail server refused it: {error}") from None

    def _written(self, sent: Message) -> EmailMessage:
        from email.message import EmailMessage

        mail = EmailMessage()
        mail["Subject"] = message.title(sent["body"])
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._receivers)
        # The same for each try, so that a mail box shows one; and one thread for an alert and its end.
        mail["Message-ID"] = f"<{sent['id']}@hourhand>"
        mail["References"] = f"<alert-{sent['body']['alert_id']}@hourhand>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text(sent["body"]))
        return mail

    def _send(self, mail: EmailMessage) -> None:
        import smtplib
        import ssl

        host, tls = self._server.hostname or "", self._server.scheme == "smtps"
        context = ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(host, self._server.port or 465, timeout=SMTP_TIMEOUT, context=context)
            if tls
            else smtplib.SMTP(host, self._server.port or 587, timeout=SMTP_TIMEOUT)
        ) as server:
            server.ehlo()
            if not tls and (server.has_extn("starttls") or self._server.username):
                server.starttls(context=context)
                server.ehlo()
            if self._server.username:
                server.login(unquote(self._server.username), unquote(self._server.password or ""))
            server.send_message(mail)


class Apprise:
    """Whatever the package apprise can reach. It tells no reason for a failure."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    def __call__(self, sent: Message) -> None:
        from importlib import import_module

        try:
            apprise = import_module("apprise")
        except ImportError:
            raise OSError(
                "the package apprise is not installed here: pip install 'hourhand[apprise]'"
            ) from None
        told = apprise.Apprise()
        for address in self._addresses:
            told.add(address)
        if not told.notify(title=message.title(sent["body"]), body=message.text(sent["body"])):
            raise OSError("apprise could not deliver it")


def ping(sent: Message) -> None:
    """Tells the address of a schedule what a run has done, as healthchecks.io and its kind understand it."""
    from hourhand.alerts import web

    address, _, query = sent["body"]["url"].partition("?")
    target = address + _PING_PATHS[sent["kind"]] + (f"?{query}" if query else "")
    said = (sent["body"]["summary"] or "").encode()
    web.post(target, said, {"content-type": "text/plain; charset=utf-8", "idempotency-key": sent["id"]})
