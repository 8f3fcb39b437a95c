"""Settings of the environment are configuration: what a process began with is noted when it is not what was noted last.

A note is a security event, so it is journalled and sealed. Its detail says first what changed, then every setting. Of
secrets it says that they are set, and never anything computed from them.
"""

import re
import threading
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from audit.context import Installation, act_as
from audit.journal import change
from audit.models import SecurityEvent, SecurityEventKind
from audit.security import note

log = structlog.get_logger(__name__)

AGAIN_AFTER = 10.0  # seconds, when the database could not be written
LOCK = 4_812_019
SET, NOT_SET = "(set)", "(not set)"

# What is regulated: variable of the environment -> setting it becomes.
SHOWN = {
    "GENBA_MODE": "MODE", "DEBUG": "DEBUG", "ALLOWED_HOSTS": "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS": "CSRF_TRUSTED_ORIGINS", "HTTPS": "HTTPS", "HTTPS_REDIRECT": "SECURE_SSL_REDIRECT",
    "BEHIND_PROXY": "BEHIND_PROXY", "JOURNAL_ORIGIN": "JOURNAL_ORIGIN",
    "JOURNAL_WITNESS_FILES": "JOURNAL_WITNESS_FILES", "JOURNAL_ARCHIVE_DIR": "JOURNAL_ARCHIVE_DIR",
    "JOURNAL_WITNESS_EMAILS": "JOURNAL_WITNESS_EMAILS", "JOURNAL_WITNESS_EMAIL_AT": "JOURNAL_WITNESS_EMAIL_AT",
    "JOURNAL_TSA_URL": "JOURNAL_TSA_URL", "JOURNAL_TSA_CERTIFICATE": "JOURNAL_TSA_CERTIFICATE",
    "TELEMETRY_ARCHIVE_DIR": "TELEMETRY_ARCHIVE_DIR", "TELEMETRY_RAW_DAYS": "TELEMETRY_RAW_DAYS",
    "TRAIL_REVIEW_DAYS": "TRAIL_REVIEW_DAYS", "SIGNATURE_SEAL_WAIT": "SIGNATURE_SEAL_WAIT",
    "PASSWORD_HISTORY": "PASSWORD_HISTORY", "PASSWORD_MAX_DAYS": "PASSWORD_MAX_DAYS", "DORMANT_DAYS": "DORMANT_DAYS",
    "LOCKOUT_FAILURES": "LOCKOUT_FAILURES", "LOCKOUT_MINUTES": "LOCKOUT_MINUTES",
    "SIGNING_IDLE_MINUTES": "SIGNING_IDLE_MINUTES", "SIGNING_WINDOW_MINUTES": "SIGNING_WINDOW_MINUTES",
    "BREACHED_PASSWORDS_FILE": "BREACHED_PASSWORDS_FILE", "SIGNING_TOTP_ROLES": "SIGNING_TOTP_ROLES",
    "OIDC_ISSUER": "OIDC_ISSUER", "OIDC_CLIENT_ID": "OIDC_CLIENT_ID", "OIDC_NAME": "OIDC_NAME",
    "OIDC_CA_CERTIFICATES": "OIDC_CA_CERTIFICATES", "OIDC_USERNAME_CLAIM": "OIDC_USERNAME_CLAIM",
    "EMAIL_FROM": "DEFAULT_FROM_EMAIL", "SECURITY_EMAILS": "SECURITY_EMAILS",
    "SECURITY_ESCALATION_EMAILS": "SECURITY_ESCALATION_EMAILS", "PUBLIC_URL": "PUBLIC_URL",
    "LANGUAGE_CODE": "LANGUAGE_CODE", "REDIS_URL": "REDIS_URL",
}  # fmt: skip
SECRET = {
    "SECRET_KEY": "SECRET_KEY", "SECRET_KEY_FALLBACKS": "SECRET_KEY_FALLBACKS", "JOURNAL_KEY": "JOURNAL_KEY",
    "OIDC_CLIENT_SECRET": "OIDC_CLIENT_SECRET", "DATABASE_SEALER_URL": "DATABASE_SEALER_URL",
    "DATABASE_OWNER_URL": "DATABASE_OWNER_URL",
}  # fmt: skip
COMPUTED = {"DATABASE_URL", "EMAIL_URL", "SESSION_HOURS"}  # put together below, without passwords
NOT_REGULATED = {
    "APPLICATION_NAME": "A name for connections.",
    "DATABASE_POOL": "How many connections: speed, and no more.",
    "CHANNEL_PREFIX": "Keeps plants apart that share a Redis.",
    "LOG_LEVEL": "How much the log of the process says.",
}
_USER_PART = re.compile(r"(?<=://)[^/@\s]*@")


class Starter(Installation):
    printed_name = "Genba (start)"


def begin(process: str) -> None:
    """Called where a process begins. It goes on at once: a database that is away now is asked again later."""
    if settings.MODE != "test":
        threading.Thread(target=_until_noted, args=[process], name="configuration", daemon=True).start()


def note_configuration(process: str) -> SecurityEvent | None:
    """Note the settings of this kind of process, if they are not what was noted last. Else a single read."""
    now = effective()
    if _stated(_last(process)) == now:
        return None
    with act_as(Starter(), source=_source(process)), change("note_configuration"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])  # of many that begin at once, one writes
        before = _stated(_last(process))
        return None if before == now else note(SecurityEventKind.CONFIGURED, detail=_detail(before, now))


def effective() -> dict[str, str]:
    """Name -> what is in force, as text of one line."""
    said = {name: _text(getattr(settings, attribute)) for name, attribute in SHOWN.items()}
    said |= {name: SET if getattr(settings, attribute) else NOT_SET for name, attribute in SECRET.items()}
    database = settings.DATABASES["default"]
    said["DATABASE_URL"] = _text("{USER}, {HOST}:{PORT}/{NAME}".format(**database))
    host = [f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"] if settings.EMAIL_HOST else []
    said["EMAIL_URL"] = _text([settings.EMAIL_BACKEND.split(".")[-2], *host])
    said["SESSION_HOURS"] = _text(settings.SESSION_COOKIE_AGE // 3600)
    said["GENBA_VERSION"] = settings.GENBA_VERSION
    return dict(sorted(said.items()))


def noted() -> list[SecurityEvent]:
    """The newest note of each kind of process."""
    events = SecurityEvent.objects.filter(kind=SecurityEventKind.CONFIGURED)
    return list(events.order_by("source", "-id").distinct("source"))


def process_of(event: SecurityEvent) -> str:
    return event.source.removeprefix("start:")


def changes_in(event: SecurityEvent) -> list[str]:
    return event.detail.partition("\n\n")[0].split("\n")


def settings_in(event: SecurityEvent) -> dict[str, str]:
    return _stated(event) or {}


def _until_noted(process: str) -> None:
    is_told = False
    while True:
        try:
            note_configuration(process)
            return
        except Exception as error:  # whatever it is, the plant goes on
            if not is_told:
                log.warning("configuration_not_noted", process=process, error=str(error).partition("\n")[0])
            is_told = True
        finally:
            connection.close()
        threading.Event().wait(AGAIN_AFTER)


def _last(process: str) -> SecurityEvent | None:
    events = SecurityEvent.objects.filter(kind=SecurityEventKind.CONFIGURED, source=_source(process))
    return events.order_by("-id").first()


def _source(process: str) -> str:
    return f"start:{process}"


def _detail(before: dict[str, str] | None, now: dict[str, str]) -> str:
    if before is None:
        said = ["The first note of this kind of process."]
    else:
        said = [
            f"{name}: {before.get(name, NOT_SET)} -> {now.get(name, NOT_SET)}"
            for name in sorted(before | now)
            if before.get(name) != now.get(name)
        ]
    return "\n".join(said) + "\n\n" + "\n".join(f"{name}={text}" for name, text in now.items())


def _stated(event: SecurityEvent | None) -> dict[str, str] | None:
    if event is None:
        return None
    lines = event.detail.partition("\n\n")[2].split("\n")
    return dict(line.split("=", 1) for line in lines)


def _text(value: Any) -> str:
    """On one line, and without what stands before the host of an address: that may be a password."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return _USER_PART.sub("", " ".join(text.split()))
