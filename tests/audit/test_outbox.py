"""Messages arrive, are tried again when they do not, and climb when nobody takes note."""

import datetime as dt
import socketserver
import threading

import pytest
from django.core import mail
from django.utils import timezone

from audit import outbox
from audit.models import Outbox
from tests import factories

pytestmark = pytest.mark.django_db

FACTS = {
    "user": "x",
    "username": "sato",
    "printed_name": "佐藤",
    "failures": 5,
    "station": "Saw 1",
    "address": "10.0.0.7",
    "source": "web",
}


@pytest.fixture(autouse=True)
def _addresses(settings):
    settings.SECURITY_EMAILS = ["security@example.com"]
    settings.SECURITY_ESCALATION_EMAILS = ["manager@example.com"]


@pytest.fixture
def message():
    return queued()


def queued(**values):
    with factories.arranging():
        made = outbox.queue("account_locked", urgent=True, **FACTS)
        for name, value in values.items():
            setattr(made, name, value)
        made.save()
    return made


class _Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs to hand over a message."""

    def handle(self):
        self.wfile.write(b"220 test\r\n")
        data = False
        for line in self.rfile:
            if data:
                self.server.received.append(line)
                data = line != b".\r\n"
                answer = b"" if data else b"250 taken\r\n"
            else:
                word = line[:4].upper()
                data = word == b"DATA"
                answer = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n")
            self.wfile.write(answer)
            if line[:4].upper() == b"QUIT":
                return


@pytest.fixture
def mail_server(settings):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield server
        server.shutdown()
        thread.join()


def test_a_message_goes_over_the_wire(mail_server, message):
    assert outbox.dispatch() == 1

    text = b"".join(mail_server.received).decode()
    message.refresh_from_db()
    assert "To: security@example.com" in text
    assert "Account locked: sato" in text
    assert message.delivered_at
    assert outbox.dispatch() == 0


def test_a_server_that_is_down_is_tried_again_with_growing_pauses(settings, message):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    pauses = []
    for _ in range(3):
        assert outbox.dispatch() == 0
        message.refresh_from_db()
        pauses.append(round((message.next_try - timezone.now()).total_seconds()))
        assert outbox.dispatch() == 0  # not before its time
        with factories.arranging():
            Outbox.objects.update(next_try=timezone.now())

    message.refresh_from_db()
    assert message.attempts == 3
    assert pauses == pytest.approx([15, 30, 60], abs=2)
    assert "refused" in message.last_error.lower()

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert outbox.dispatch() == 1


def test_without_an_address_it_stays_queued_and_says_so(settings, message):
    settings.SECURITY_EMAILS = []

    assert outbox.dispatch() == 0

    message.refresh_from_db()
    assert "SECURITY_EMAILS" in message.last_error


def test_urgent_messages_and_escalations_pass_ordinary_ones_that_are_stuck():
    with factories.arranging():
        Outbox.objects.bulk_create(
            Outbox(kind="nobody_composes_this", next_try=timezone.now() - dt.timedelta(hours=1))
            for _ in range(outbox.AT_ONCE + 10)
        )
    queued(made_at=timezone.now() - TestEscalation.LATE)

    assert outbox.dispatch() == 2

    assert [m.to for m in mail.outbox] == [["security@example.com"], ["manager@example.com"]]


class TestEscalation:
    LATE = dt.timedelta(minutes=16)

    def test_what_nobody_acknowledged_goes_to_the_second_list_once(self):
        late = queued(made_at=timezone.now() - self.LATE)

        outbox.dispatch()
        outbox.dispatch()

        late.refresh_from_db()
        assert late.escalated_at
        assert [m.to for m in mail.outbox] == [["security@example.com"], ["manager@example.com"]]
        assert mail.outbox[1].subject == "Not acknowledged: Account locked: sato"

    def test_not_before_a_quarter_of_an_hour(self, message):
        outbox.dispatch()

        assert [m.to for m in mail.outbox] == [["security@example.com"]]

    def test_not_what_was_acknowledged(self, user_of):
        queued(made_at=timezone.now() - self.LATE, acknowledged_at=timezone.now())

        outbox.dispatch()

        assert [m.to for m in mail.outbox] == [["security@example.com"]]
