"""A checkpoint outside the database: on paper, in a mailbox, and compared with the log that is there later."""

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core import mail
from zxingcpp import read_barcodes

from audit import outbox
from audit.checkpoint import SigningKey
from audit.models import Outbox
from audit.offline import genba_verify
from audit.queries.compare import Outcome, as_kept, compare
from audit.queries.seal_state import seal_state
from audit.tasks import mail_checkpoint
from tests import factories
from tests.audit.sealed import KEY, as_administrator, seal_everything

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/audit/checkpoint/"


@pytest.fixture
def quality(client, user_of, as_admin, settings):
    """A quality manager, and a plant that went on after the checkpoint was kept."""
    settings.JOURNAL_WITNESS_EMAILS = ["qa@example.com"]
    factories.plant()
    client.force_login(user_of("qa_manager"))
    seal_everything()
    return client


def scanned(page: str) -> str:
    """What a scanner reads from the printed page: the drawing of the page is drawn again as dots."""
    note = seal_state().note
    code = segno.make_qr(note.encode(), error="m")
    assert code.svg_inline(omitsize=True, border=4, svgclass="qr", lineclass=None) in page
    rows = [bytes(0 if dark else 255 for dark in row) for row in code.matrix_iter(scale=3, border=4)]
    picture = memoryview(b"".join(rows)).cast("B", [len(rows), len(rows[0])])
    (found,) = read_barcodes(picture)
    return found.text


def outcome_of(client, note: str) -> str:
    return client.post(PAGE, {"note": note}).context["compared"]["outcome"]


def grow() -> None:
    for n in range(3):
        factories.line(f"LATER{n}")
    seal_everything()


def rebuild() -> None:
    """An administrator who holds the key changes an entry and makes every seal anew."""
    as_administrator(
        "TRUNCATE journal_checkpoint, journal_node, journal_leaf, journal_epoch",
        "UPDATE journal_entry SET actor_name = 'Somebody else' WHERE id = (SELECT min(id) FROM journal_entry)",
    )
    seal_everything()


def test_the_printed_code_is_the_signed_note_and_the_offline_verifier_takes_it(quality):
    note = scanned(quality.get(PAGE).content.decode())

    state = seal_state()
    key = genba_verify.parse_key(KEY.public.text.encode())
    origin, size, root, _epoch = genba_verify.open_given(note.encode(), key)
    assert (origin, size, root.hex()) == ("plant.example/journal", state.size, state.root)


def test_a_sheet_that_was_kept_agrees_with_the_log_that_went_on(quality):
    note = scanned(quality.get(PAGE).content.decode())
    assert outcome_of(quality, note) == "agrees"

    grow()

    page = quality.post(PAGE, {"note": note})
    assert page.context["compared"]["outcome"] == "agrees"
    assert "Intact" in page.content.decode()


def test_after_the_log_was_made_anew_with_the_same_key_the_sheet_contradicts_it(quality):
    note = scanned(quality.get(PAGE).content.decode())
    rebuild()
    assert outcome_of(quality, note) == "differs"

    grow()

    assert outcome_of(quality, note) == "differs"
    assert outcome_of(quality, seal_state().note) == "agrees"


def test_after_the_newest_entries_were_taken_away_it_says_that_entries_are_missing(quality):
    note = seal_state().note
    as_administrator(
        "DELETE FROM journal_checkpoint WHERE size = (SELECT max(size) FROM journal_checkpoint)",
        "INSERT INTO journal_checkpoint SELECT 1, 1, hash, '1', now(), 'x' FROM journal_leaf WHERE idx = 0",
    )

    assert outcome_of(quality, note) == "regression"


def test_of_another_key_or_damaged_or_no_note_at_all(quality):
    note = seal_state().note
    other = SigningKey(KEY.name, Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))
    foreign = other.sign(compare(note).told)

    assert outcome_of(quality, foreign) == "other_key"
    assert outcome_of(quality, note.replace("epoch 1\n", "epoch 1\nmore\n")) == "other_key"
    assert outcome_of(quality, note.replace("epoch 1\n", "epoch 7\n")) == "regression"
    assert outcome_of(quality, "Dear colleague,\n\nsee you on Monday.") == "unreadable"
    assert outcome_of(quality, "\x00") == "unreadable"


@pytest.mark.parametrize(
    "as_pasted",
    [
        lambda note: note.replace("\n", "\r\n"),
        lambda note: "\n".join(f"> {line}" for line in note.splitlines()),
        lambda note: f"  \n{note.strip()}   \n\n",
        lambda note: note.replace("\n— ", "\n- "),
        lambda note: note.replace("\n— ", "\n-- "),
    ],
)
def test_what_mail_and_scanners_do_to_a_note_does_not_matter(quality, as_pasted):
    assert compare(as_kept(as_pasted(seal_state().note))).outcome is Outcome.AGREES


def test_by_mail_on_demand_the_text_is_the_note_and_a_witness_for_the_verifier(quality):
    note = seal_state().note

    quality.post("/audit/checkpoint/send/")

    assert Outbox.objects.get().kind == "checkpoint"
    outbox.dispatch()
    (sent,) = mail.outbox
    assert (sent.to, sent.body) == (["qa@example.com"], note)
    assert "plant.example/journal" in sent.subject
    _headers, _gap, body = sent.message().as_bytes().partition(b"\n\n")
    assert genba_verify.open_given(body, genba_verify.parse_key(KEY.public.text.encode()))[1] == compare(note).size


def test_by_mail_every_day(quality, settings):
    assert mail_checkpoint()
    outbox.dispatch()
    assert [sent.to for sent in mail.outbox] == [["qa@example.com"]]

    settings.JOURNAL_WITNESS_EMAILS = []
    assert not mail_checkpoint()


def test_a_mail_server_that_is_down_delays_it(quality, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    mail_checkpoint()
    assert outbox.dispatch() == 0

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with factories.arranging():
        Outbox.objects.update(next_try="2026-01-01T00:00Z")
    assert outbox.dispatch() == 1


def test_who_reads_compares_and_only_quality_sends(client, user_of, quality):
    client.force_login(user_of("auditor"))

    assert outcome_of(client, seal_state().note) == "agrees"
    assert client.post("/audit/checkpoint/send/").status_code == 403
    assert not Outbox.objects.exists()


def test_the_note_as_a_file(quality):
    answer = quality.get("/audit/checkpoint.txt")

    assert answer.content.decode() == seal_state().note
    assert "attachment" in answer["Content-Disposition"]
