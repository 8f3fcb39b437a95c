import datetime as dt

import pytest
from django.utils import timezone

from audit.context import act_as
from audit.errors import InvalidInput, SignatureRefused
from audit.models import SecurityEvent, Signature
from audit.signatures import ConfirmedIdentity, Signing, confirm_identity, signatures_of
from production.models import WorkOrder
from production.services.work_orders import release_work_order, update_work_order
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def planned(plant):
    return factories.work_order(plant, status="planned")


def released_by(user, order, *, meaning="released"):
    with act_as(user, source="test"):
        identity = confirm_identity(user=user, username=user.get_username(), password=PASSWORD)
        return release_work_order(work_order_id=order.pk, signing=Signing(identity=identity, meaning=meaning))


def test_a_release_is_signed_and_says_who_when_what_and_why(planned, as_role):
    with as_role("supervisor") as supervisor:
        order = released_by(supervisor, planned)

    signature = Signature.objects.get()
    assert signature.signer == supervisor
    assert signature.signer_name == "Test supervisor"
    assert signature.signer_title == "Supervisor"
    assert signature.meaning == "released"
    assert timezone.now() - signature.signed_at < dt.timedelta(minutes=1)
    assert len(signature.digest) == 64
    assert signature.content["work_order_number"] == order.work_order_number
    assert order.electronic_signature["digest"] == signature.digest
    assert [view.content_matches for view in signatures_of(order)] == [True]


def test_an_order_changed_afterwards_no_longer_matches(planned, user_of):
    order = released_by(user_of("supervisor"), planned)

    changed = update_work_order(work_order_id=order.pk, planned_quantity=99, reason="More wanted")

    assert [view.content_matches for view in signatures_of(changed)] == [False]


def test_progress_is_not_a_change_of_content(planned, user_of):
    from production.services.job_orders import report_quantity, start_job

    order = released_by(user_of("supervisor"), planned)
    job = start_job(job_order_id=factories.first_job(order).pk)
    report_quantity(job_order_id=job.pk, good=3)

    assert [view.content_matches for view in signatures_of(WorkOrder.objects.get(pk=order.pk))] == [True]


def test_a_wrong_password_is_refused_counted_and_signs_nothing(planned, as_admin):
    with pytest.raises(SignatureRefused, match="attempt 1 of 5"):
        confirm_identity(user=as_admin, username=as_admin.get_username(), password="wrong")

    assert SecurityEvent.objects.filter(kind="signing_failed", user=as_admin).count() == 1
    assert not Signature.objects.exists()


def test_five_wrong_passwords_lock_signing_even_with_the_right_one(as_admin):
    for _ in range(5):
        with pytest.raises(SignatureRefused):
            confirm_identity(user=as_admin, username=as_admin.get_username(), password="wrong")

    with pytest.raises(SignatureRefused, match="locked"):
        confirm_identity(user=as_admin, username=as_admin.get_username(), password=PASSWORD)


def test_a_program_cannot_sign_even_with_a_password(as_admin, user_of):
    program = user_of("supervisor")
    program.is_person = False

    with pytest.raises(SignatureRefused, match="person"):
        confirm_identity(user=program, username=program.get_username(), password=PASSWORD)


def test_nobody_signs_with_the_identity_of_another(planned, as_admin, user_of):
    other = user_of("supervisor")
    with act_as(other, source="test"):
        identity = confirm_identity(user=other, username=other.get_username(), password=PASSWORD)

    with pytest.raises(SignatureRefused):
        release_work_order(work_order_id=planned.pk, signing=Signing(identity=identity, meaning="released"))

    assert WorkOrder.objects.get(pk=planned.pk).status == "planned"


def test_an_identity_grows_old(planned, as_admin):
    old = ConfirmedIdentity(as_admin, timezone.now() - dt.timedelta(minutes=2), ("id", "password"))

    with pytest.raises(SignatureRefused):
        release_work_order(work_order_id=planned.pk, signing=Signing(identity=old, meaning="released"))


@pytest.mark.parametrize("meaning", ["", "because"])
def test_a_signature_needs_a_known_meaning(planned, user_of, meaning):
    with pytest.raises(InvalidInput):
        released_by(user_of("supervisor"), planned, meaning=meaning)

    assert not Signature.objects.exists()


def test_a_release_without_signature_is_refused(planned, as_admin):
    with pytest.raises(SignatureRefused):
        release_work_order(work_order_id=planned.pk, signing=None)
