"""Mail by an SMTP server (RFC 5321), with STARTTLS (RFC 3207) and login (RFC 4954) when set."""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from pathlib import Path

from fraudray.adapters.mime import compose
from fraudray.domain.errors import DeliveryFailed, SettingsError
from fraudray.ports.messages import Mail


class SmtpMailer:
    """One connection a mail. What was asked for is never done with less: no TLS, no mail."""

    def __init__(
        self, host: str, port: int, *, starttls: bool, user: str | None, password: str | None, timeout_s: float,
        ca_file: Path | None = None,
    ) -> None:  # fmt: skip
        """`ca_file` names the certificates (PEM) to trust instead of the system's.

        Raises SettingsError for a login without TLS to another machine, and for certificates that cannot be read.
        """
        self._host, self._port, self._user, self._password = host, port, user, password
        self._timeout_s = timeout_s
        if user is not None and not starttls and not _is_loopback(host):
            raise SettingsError(
                f"smtp_user: the password would go to {host} unencrypted; set smtp_starttls (FRAUDRAY_SMTP_STARTTLS)"
            )
        self._tls = _context(ca_file) if starttls else None

    def send(self, mail: Mail) -> str:
        """Sends to all recipients or fails; 5xx answers are permanent."""
        message = compose(mail)
        try:
            with smtplib.SMTP(self._host, self._port, timeout=self._timeout_s) as server:
                self._prepare(server)
                refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            permanent = all(code >= 500 for code, _ in error.recipients.values())
            raise DeliveryFailed("the SMTP server refused every recipient", permanent=permanent) from None
        except smtplib.SMTPResponseException as error:
            raise DeliveryFailed(
                f"the SMTP server answered {error.smtp_code}: {_text(error.smtp_error)}",
                permanent=error.smtp_code >= 500,
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise DeliveryFailed(
                f"the certificate of the SMTP server {self._host} is not trusted: {error.verify_message}; "
                "FRAUDRAY_SMTP_CA_FILE names a CA of your own"
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryFailed(f"SMTP server {self._host}:{self._port}: {error}") from None
        if refused:
            raise DeliveryFailed(f"the SMTP server refused {len(refused)} of {len(mail.recipients)} recipients")
        return f"sent to {len(mail.recipients)} recipient(s) by {self._host}"

    def _prepare(self, server: smtplib.SMTP) -> None:
        """Encrypt and log in, as set, before anything is sent."""
        if self._tls is not None:
            server.ehlo_or_helo_if_needed()
            if not server.has_extn("starttls"):
                raise DeliveryFailed(
                    f"the SMTP server {self._host} offers no STARTTLS, so nothing was sent (FRAUDRAY_SMTP_STARTTLS)"
                )
            server.starttls(context=self._tls)
        if self._user is not None:
            try:
                server.login(self._user, self._password or "")
            except smtplib.SMTPAuthenticationError as error:
                raise DeliveryFailed(
                    f"the SMTP server refused the login as {self._user} ({error.smtp_code} {_text(error.smtp_error)}); "
                    "check FRAUDRAY_SMTP_USER and FRAUDRAY_SMTP_PASSWORD",
                    permanent=error.smtp_code >= 500,
                ) from None


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError among them
        raise SettingsError(f"smtp_ca_file: {ca_file} holds no certificates that can be read: {error}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
