"""Tokens of a time stamping authority that is real: openssl's, on this machine."""

import datetime as dt
import hashlib
import http.server
import shutil
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest
from django.utils import timezone

from audit import timestamping
from audit.models import Heartbeat, JournalEntry, Timestamp
from audit.queries.health import health
from audit.queries.seal_state import seal_state
from audit.tasks import timestamp_checkpoint
from audit.timestamping import TimestampRefused, verified
from tests import factories
from tests.audit.sealed import seal_everything
from tests.database import database

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not shutil.which("openssl"), reason="needs the program openssl"),
]
CONFIG = """
[tsa]
dir = {folder}
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""


def openssl(*arguments: str, cwd: Path, data: bytes | None = None) -> bytes:
    done = subprocess.run(["openssl", *arguments], cwd=cwd, input=data, capture_output=True, check=True)
    return done.stdout


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Path:
    """Its folder: a root certificate, and one for time stamping under it."""
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "config").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "9", "-subj", "/CN=Test root", cwd=folder)
    openssl(*new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test authority", cwd=folder)
    ca = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9")
    extra = ("-extfile", "config", "-extensions", "extensions")
    openssl("x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", *ca, *extra, cwd=folder)
    return folder


def stamp(folder: Path, query: bytes) -> bytes:
    (folder / "query.tsq").write_bytes(query)
    openssl("ts", "-reply", "-queryfile", "query.tsq", "-config", "config", "-section", "tsa", "-out", "reply.tsr",
            cwd=folder)  # fmt: skip
    return (folder / "reply.tsr").read_bytes()


@pytest.fixture
def server(authority, settings):
    """Serves it; `answer` may be replaced by a test."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.server.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.answer = lambda query: stamp(authority, query)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        settings.JOURNAL_TSA_URL = f"http://127.0.0.1:{running.server_address[1]}/"
        settings.JOURNAL_TSA_CERTIFICATE = str(authority / "ca.pem")
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def sealed(as_admin):
    factories.plant()
    seal_everything()


def test_off_unless_it_is_set(sealed, settings):
    settings.JOURNAL_TSA_URL = ""

    assert not timestamp_checkpoint()
    assert not Heartbeat.objects.exists()


def test_the_newest_checkpoint_gets_a_token_that_openssl_verifies(sealed, server, authority, client, user_of):
    assert timestamp_checkpoint()

    kept, state = Timestamp.objects.get(), seal_state()
    assert (kept.epoch, kept.size) == (state.epoch, state.size)
    assert kept.digest == hashlib.sha256(state.note.encode()).hexdigest()
    assert abs(kept.certified_at - timezone.now()) < dt.timedelta(minutes=1)
    client.force_login(user_of("auditor"))
    (authority / "token.tsr").write_bytes(client.get(f"/audit/timestamps/{kept.pk}.tsr").content)
    factories.line("LATER")
    seal_everything()  # the newest checkpoint is another one by now
    (authority / "note.txt").write_bytes(client.get(f"/audit/timestamps/{kept.pk}.txt").content)
    said = openssl("ts", "-verify", "-data", "note.txt", "-in", "token.tsr", "-CAfile", "ca.pem", cwd=authority)
    assert b"OK" in said
    assert "127.0.0.1" in client.get("/audit/integrity/").content.decode()


def test_one_an_hour_and_one_a_checkpoint(sealed, server, monkeypatch):
    assert timestamp_checkpoint()
    factories.line("NEW")
    seal_everything()
    assert not timestamp_checkpoint()

    monkeypatch.setattr(timestamping, "EVERY", dt.timedelta(0))
    assert timestamp_checkpoint()
    factories.line("NEWER")
    assert timestamp_checkpoint() is False or seal_state().size != Timestamp.objects.last().size
    assert Timestamp.objects.count() == 2


def test_an_authority_that_is_gone_delays_it_and_nothing_else(sealed, server, settings):
    working, settings.JOURNAL_TSA_URL = settings.JOURNAL_TSA_URL, "http://127.0.0.1:1/"

    assert not timestamp_checkpoint()

    assert "does not answer" in Heartbeat.objects.get(name="timestamp").facts["error"]
    found = health()
    assert found.timestamp_is_late
    assert "timestamp_late" in [reason.code for reason in found.reasons]
    settings.JOURNAL_TSA_URL = working
    assert timestamp_checkpoint()
    assert not health().timestamp_is_late
    assert health().timestamp_error == ""


def test_a_token_over_something_else_is_not_kept(sealed, server, authority):
    def over_something_else(_query: bytes) -> bytes:
        asked = openssl("ts", "-query", "-data", "config", "-sha256", "-cert", cwd=authority)
        return stamp(authority, asked)

    server.answer = over_something_else

    assert not timestamp_checkpoint()
    assert not Timestamp.objects.exists()
    with pytest.raises(TimestampRefused, match="Mismatch between messages"):
        verified(over_something_else(b""), b"a checkpoint")


def test_an_old_answer_is_not_taken_for_a_new_one(sealed, server, authority):
    note = seal_state().note.encode()
    (authority / "kept.txt").write_bytes(note)
    old = stamp(authority, openssl("ts", "-query", "-data", "kept.txt", "-sha256", "-cert", cwd=authority))
    assert verified(old, note)
    server.answer = lambda _query: old

    assert not timestamp_checkpoint()
    assert "Nonce" in Heartbeat.objects.get(name="timestamp").facts["error"]


@pytest.mark.parametrize("answer", [b"", b"<html>busy</html>"])
def test_what_is_no_answer_is_refused(sealed, server, answer):
    server.answer = lambda _query: answer

    assert not timestamp_checkpoint()


def test_the_token_of_an_authority_that_is_not_trusted_is_not_kept(sealed, server, authority, settings, tmp_path):
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509", "-days", "9")
    openssl(*new, "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=Other root", cwd=tmp_path)
    settings.JOURNAL_TSA_CERTIFICATE = str(tmp_path / "other.pem")
    assert not timestamp_checkpoint()

    settings.JOURNAL_TSA_CERTIFICATE = str(tmp_path / "nowhere.pem")
    assert not timestamp_checkpoint()
    assert "cannot be read" in Heartbeat.objects.get(name="timestamp").facts["error"]


def test_a_token_is_kept_for_good_and_journalled_as_a_digest(sealed, server):
    timestamp_checkpoint()
    kept = Timestamp.objects.get()

    entry = JournalEntry.objects.get(table_name="audit_timestamp")
    assert entry.actor_name == "Genba (timestamps)"
    assert set(entry.new["token"]) == {"sha256", "length"}
    for role in ("app", "owner", "admin"):
        with database.psycopg(role) as own, pytest.raises(psycopg.errors.InsufficientPrivilege):
            own.execute("DELETE FROM audit_timestamp WHERE id = %s", [kept.pk])
