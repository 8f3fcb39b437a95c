"""What has to be signed is data: who, how many, in which order; and the database has the last word."""

from contextlib import contextmanager

import pytest
from django.db import IntegrityError, transaction

from audit.canonical import digest
from audit.context import act_as
from audit.errors import (
    Conflict,
    InvalidInput,
    MissingPermission,
    ReasonRequired,
    SignatureRefused,
    SignatureRequired,
    StaleVersion,
)
from audit.models import SecurityEvent, Signature, SignaturePolicy, StateChange
from audit.policy_edits import create_policy, update_policy
from production.models import JobOrder, WorkOrder
from production.services.job_orders import complete_job
from production.services.signing import sign_work_order_step
from production.services.work_orders import hold_work_order, resume_work_order, update_work_order
from tests import factories
from tests.production.test_races import at_once, refusals

pytestmark = pytest.mark.django_db
LABEL = "production.workorder"
TWO = [
    {"meanings": ["verified"], "roles": ["qa_manager", "inspector"]},
    {"meanings": ["released"], "roles": ["supervisor"]},
]
WHY = "Agreed in the quality circle"


@contextmanager
def acting(user):
    with act_as(user, source="test"):
        yield user


def policy(transition="release", signatures=TWO, **values):
    """As the quality unit sets it."""
    with acting(factories.user("qa_manager", name="policy-maker")):
        known = SignaturePolicy.objects.filter(record_label=LABEL, transition=transition).first()
        if known:
            return update_policy(policy_id=known.pk, signatures=signatures, reason=WHY, **values)
        return create_policy(record_label=LABEL, transition=transition, signatures=signatures, **values)


def sign(user, order, meaning, *, of="release", **values):
    with acting(user):
        return sign_work_order_step(work_order_id=order.pk, step=of, signing=factories.signing(meaning, **values))


@pytest.fixture
def planned(plant):
    return factories.work_order(plant, status="planned")


@pytest.fixture
def reviewer(user_of):
    return user_of("qa_manager")


@pytest.fixture
def supervisor(user_of):
    return user_of("supervisor")


def test_the_rule_of_the_versions_before_is_installed():
    installed = SignaturePolicy.objects.get()

    assert (installed.record_label, installed.transition, installed.version) == (LABEL, "release", 1)
    assert installed.signatures == [
        {"meanings": ["released", "reviewed", "approved"], "roles": ["supervisor", "qa_manager"]}
    ]
    assert [row.history_change_reason for row in installed.history.all()] == ["The rule of the versions before"]


class TestEditing:
    def test_a_change_is_a_version_with_its_reason(self):
        changed = policy()

        assert changed.version == 2
        past = list(changed.history.order_by("version").values_list("version", "history_change_reason"))
        assert past == [(1, "The rule of the versions before"), (2, WHY)]

    def test_only_with_a_reason(self, as_role):
        installed = SignaturePolicy.objects.get()
        with as_role("qa_manager"), pytest.raises(ReasonRequired):
            update_policy(policy_id=installed.pk, signatures=TWO, reason=".")

    @pytest.mark.parametrize("role", ["supervisor", "planner", "auditor", "operator"])
    def test_only_by_the_quality_unit(self, as_role, role):
        installed = SignaturePolicy.objects.get()
        with as_role(role), pytest.raises(MissingPermission):
            update_policy(policy_id=installed.pk, signatures=TWO, reason=WHY)
        with as_role(role), pytest.raises(MissingPermission):
            create_policy(record_label=LABEL, transition="hold", signatures=TWO)

    @pytest.mark.parametrize(
        ("transition", "signatures", "said"),
        [
            ("start", TWO, "cannot be signed"),
            ("plan", TWO, "cannot be signed"),
            ("hold", [], "1 to 4"),
            ("hold", TWO * 3, "1 to 4"),
            ("hold", [{"meanings": ["invented"], "roles": ["supervisor"]}], "Unknown meaning"),
            ("hold", [{"meanings": [], "roles": ["supervisor"]}], "needs a meaning"),
            ("hold", [{"meanings": ["approved"], "roles": []}], "and a role"),
            ("hold", [{"meanings": ["approved"], "roles": ["auditor"]}], "sign nothing"),
            ("hold", [{"meanings": ["approved"], "roles": ["operator"]}], "may not do: Operator"),
        ],
    )
    def test_what_could_never_be_signed_is_refused(self, as_role, transition, signatures, said):
        with as_role("qa_manager"), pytest.raises(InvalidInput, match=said):
            create_policy(record_label=LABEL, transition=transition, signatures=signatures)

    def test_one_policy_a_step(self, as_role):
        with as_role("qa_manager"), pytest.raises(Conflict, match="already"):
            create_policy(record_label=LABEL, transition="release", signatures=TWO)

    def test_what_is_always_signed_stays_so(self):
        with pytest.raises(InvalidInput, match="always signed"):
            policy(is_active=False)

    def test_in_the_administration(self, client, reviewer):
        client.force_login(reviewer)
        add = "/admin/audit/signaturepolicy/add/"
        entered = {
            "record_step": f"{LABEL}:hold",
            "is_active": "on",
            "meanings_1": ["authorised"],
            "roles_1": ["supervisor"],
        }

        gap = client.post(add, entered | {"meanings_3": ["approved"], "roles_3": ["supervisor"]})
        client.post(add, entered)
        made = SignaturePolicy.objects.get(transition="hold")
        page = f"/admin/audit/signaturepolicy/{made.pk}/change/"
        shown = client.get(page).content.decode()
        edit = {k: v for k, v in entered.items() if k != "record_step"} | {"seen_version": "1", "change_reason": WHY}
        client.post(page, edit | {"meanings_2": ["approved"], "roles_2": ["qa_manager"]})

        made.refresh_from_db()
        assert "Leave no gap" in gap.content.decode()
        assert "Work order: Put on hold" in shown
        assert made.signatures == [
            {"meanings": ["authorised"], "roles": ["supervisor"]},
            {"meanings": ["approved"], "roles": ["qa_manager"]},
        ]
        assert (made.version, made.history.latest("history_date").history_change_reason) == (2, WHY)


class TestTwoSignatures:
    @pytest.fixture(autouse=True)
    def _two(self, plant):
        policy()

    def test_the_first_is_kept_and_the_last_takes_the_step(self, planned, reviewer, supervisor):
        order, first = sign(reviewer, planned, "verified")
        between = order.status
        order, last = sign(supervisor, planned, "released")

        assert (between, order.status) == ("planned", "released")
        assert (first.step_no, first.previous_state, first.new_state) == (1, "planned", "")
        assert (last.step_no, last.previous_state, last.new_state) == (2, "planned", "released")
        assert {first.policy_version, last.policy_version} == {2}
        assert first.meaning_label == "Checked and found correct"
        assert first.record_name == planned.work_order_number
        assert StateChange.objects.get(transition="release").signature == last
        assert order.electronic_signature["signature_id"] == str(last.pk)

    def test_not_out_of_order(self, planned, supervisor):
        with pytest.raises(SignatureRefused, match="Quality manager, Quality inspector"):
            sign(supervisor, planned, "released")

        assert not Signature.objects.exists()
        refused = SecurityEvent.objects.get(user=supervisor)
        assert (refused.kind, "given by" in refused.detail) == ("signing_refused", True)

    def test_not_with_the_meaning_of_the_other(self, planned, reviewer):
        with pytest.raises(InvalidInput, match="means"):
            sign(reviewer, planned, "released")

    def test_nobody_gives_both(self, planned, reviewer):
        policy(signatures=[TWO[0], {"meanings": ["released"], "roles": ["qa_manager"]}])
        sign(reviewer, planned, "verified")

        with pytest.raises(SignatureRefused, match="another person's"):
            sign(reviewer, planned, "released")
        assert WorkOrder.objects.get().status == "planned"

    def test_an_edit_in_between_asks_for_the_first_again(self, planned, reviewer, supervisor, as_admin):
        sign(reviewer, planned, "verified")
        update_work_order(work_order_id=planned.pk, planned_quantity=99, reason=WHY)

        with pytest.raises(SignatureRefused, match="given by: Quality"):
            sign(supervisor, planned, "released")
        sign(reviewer, planned, "verified")
        assert sign(supervisor, planned, "released")[0].status == "released"

    def test_edited_and_edited_back_is_edited(self, planned, reviewer, supervisor, as_admin):
        sign(reviewer, planned, "verified")
        for quantity in (99, planned.planned_quantity):
            update_work_order(work_order_id=planned.pk, planned_quantity=quantity, reason=WHY)

        with pytest.raises(SignatureRefused, match="given by: Quality"):
            sign(supervisor, planned, "released")

    def test_what_is_no_content_disturbs_nothing(self, planned, reviewer, supervisor):
        sign(reviewer, planned, "verified")
        with factories.arranging():
            WorkOrder.objects.filter(pk=planned.pk).update(version=planned.version + 1)

        assert sign(supervisor, planned, "released")[0].status == "released"

    def test_a_hold_in_between_asks_for_the_first_again(self, planned, reviewer, supervisor):
        sign(reviewer, planned, "verified")
        with acting(supervisor):
            hold_work_order(work_order_id=planned.pk, reason=WHY)
            resume_work_order(work_order_id=planned.pk)

        with pytest.raises(SignatureRefused, match="given by: Quality"):
            sign(supervisor, planned, "released")

    def test_a_new_version_of_the_policy_asks_for_the_first_again(self, planned, reviewer, supervisor):
        sign(reviewer, planned, "verified")
        policy(signatures=[TWO[0], {"meanings": ["released", "approved"], "roles": ["supervisor"]}])

        with pytest.raises(SignatureRefused, match="given by: Quality"):
            sign(supervisor, planned, "released")
        assert sign(reviewer, planned, "verified")[1].policy_version == 3

    @pytest.mark.parametrize("stale", [{"digest": "0" * 64}, {"step": 2}])
    def test_what_was_not_shown_is_not_signed(self, planned, reviewer, stale):
        with pytest.raises(StaleVersion, match="Nothing was signed"):
            sign(reviewer, planned, "verified", **stale)

    def test_the_database_refuses_a_step_and_a_person_twice(self, planned, reviewer, supervisor):
        _order, first = sign(reviewer, planned, "verified")
        copy = {f.attname: getattr(first, f.attname) for f in Signature._meta.concrete_fields if f.name != "id"}

        for other in ({"signer_id": supervisor.pk}, {"step_no": 2}):
            with pytest.raises(IntegrityError), transaction.atomic(), factories.arranging():
                Signature.objects.create(**(copy | other))
        for lacking in ({"policy_id": None}, {"step_no": None}, {"policy_version": None}, {"meaning_label": ""}):
            with pytest.raises(IntegrityError), transaction.atomic(), factories.arranging():
                Signature.objects.create(**(copy | {"signer_id": supervisor.pk, "step_no": 2} | lacking))


class TestPeople:
    def test_the_author_does_not_sign(self, plant, supervisor):
        with acting(supervisor):
            own = factories.work_order(plant, status="planned")

        with pytest.raises(SignatureRefused, match="made this record"):
            sign(supervisor, own, "released")

    def test_nor_does_who_changed_the_content_last(self, planned, supervisor):
        with acting(supervisor):
            update_work_order(work_order_id=planned.pk, priority=1, reason=WHY)

        with pytest.raises(SignatureRefused, match="changed it last"):
            sign(supervisor, planned, "released")

    def test_a_step_is_no_authorship(self, plant, supervisor):
        order = factories.work_order(plant, status="planned")
        with acting(supervisor):
            hold_work_order(work_order_id=order.pk, reason=WHY)
            resume_work_order(work_order_id=order.pk)

        assert sign(supervisor, order, "released")[0].status == "released"

    def test_unless_the_policy_lets_the_author(self, plant, supervisor):
        policy(signatures=[{"meanings": ["released"], "roles": ["supervisor"]}], author_may_sign=True)
        with acting(supervisor):
            own = factories.work_order(plant, status="planned")

        assert sign(supervisor, own, "released")[0].status == "released"

    def test_an_administrator_without_a_role_signs_nothing(self, planned, as_admin):
        with pytest.raises(SignatureRefused, match="given by: Supervisor"):
            sign(as_admin, planned, "released")

    def test_a_reviewer_needs_the_role_and_not_the_permission_to_release(self, planned, user_of, supervisor):
        policy()

        order, _first = sign(user_of("inspector"), planned, "verified")

        assert order.status == "planned"


class TestStepsOfOthers:
    """Steps that need no signature by themselves."""

    HOLD = [{"meanings": ["authorised"], "roles": ["supervisor"]}]

    def test_without_a_policy_nobody_is_asked(self, planned, supervisor):
        with acting(supervisor):
            assert hold_work_order(work_order_id=planned.pk, reason=WHY).status == "on_hold"

    def test_with_one_every_door_has_to_sign(self, planned, supervisor):
        policy("hold", self.HOLD)

        with acting(supervisor), pytest.raises(SignatureRequired):
            hold_work_order(work_order_id=planned.pk, reason=WHY)
        order, signature = sign(supervisor, planned, "authorised", of="hold", comment=WHY)

        assert (order.status, signature.transition, signature.new_state) == ("on_hold", "hold", "on_hold")
        assert StateChange.objects.get(transition="hold").reason == WHY

    def test_a_reason_is_asked_of_each_signature(self, planned, supervisor, reviewer):
        policy("hold", [{"meanings": ["verified"], "roles": ["qa_manager"]}, *self.HOLD])

        with pytest.raises(InvalidInput, match="reason"):
            sign(reviewer, planned, "verified", of="hold")

    def test_a_second_hold_is_signed_anew(self, planned, supervisor):
        policy("hold", self.HOLD)
        sign(supervisor, planned, "authorised", of="hold", comment=WHY)
        with acting(supervisor):
            resume_work_order(work_order_id=planned.pk)
            with pytest.raises(SignatureRequired):
                hold_work_order(work_order_id=planned.pk, reason=WHY)
        sign(supervisor, planned, "authorised", of="hold", comment=WHY)

        assert Signature.objects.filter(transition="hold").count() == 2

    def test_out_of_force_nobody_is_asked_again(self, planned, supervisor):
        policy("hold", self.HOLD)
        policy("hold", self.HOLD, is_active=False)

        with acting(supervisor):
            assert hold_work_order(work_order_id=planned.pk, reason=WHY).status == "on_hold"

    def test_a_signature_that_is_not_asked_for_any_more_is_not_taken(self, planned, supervisor):
        policy("hold", self.HOLD)
        policy("hold", self.HOLD, is_active=False)

        with pytest.raises(StaleVersion, match="no signature any more"):
            sign(supervisor, planned, "authorised", of="hold", comment=WHY)

    def test_the_last_job_leaves_a_signed_completion_to_who_signs(self, plant, supervisor, as_admin):
        policy("complete", [{"meanings": ["approved"], "roles": ["supervisor"]}])
        order = factories.work_order(plant, status="in_progress")
        first, last = order.job_orders.order_by("sequence")
        with factories.arranging():
            JobOrder.objects.filter(pk=first.pk).update(status="completed")
            JobOrder.objects.filter(pk=last.pk).update(status="running")

        complete_job(job_order_id=last.pk)
        between = WorkOrder.objects.get(pk=order.pk).status
        sign(supervisor, order, "approved", of="complete")

        order.refresh_from_db()
        assert (between, order.status) == ("in_progress", "completed")
        assert order.actual_end

    def test_no_policy_no_release(self, planned, supervisor):
        with factories.arranging():
            SignaturePolicy.objects.update(is_active=False)

        with pytest.raises(SignatureRefused, match="no signature policy is in force"):
            sign(supervisor, planned, "released")


def test_a_signature_says_where_and_under_which_clock(planned, supervisor):
    _order, signature = sign(supervisor, planned, "released")

    assert (signature.plant_zone, signature.plant_offset) == ("Asia/Tokyo", 540)
    assert signature.digest == digest(WorkOrder.objects.get().signed_content())
    assert (signature.window, signature.first_in_window) == (None, None)  # no session: in full


# --- Races -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_sign_the_same_step_at_once_one_wins(plant, user_of):
    policy()
    order = factories.work_order(plant, status="planned")
    people = [user_of("qa_manager"), user_of("inspector")]

    results = at_once(people[0], *[lambda user=user: sign(user, order, "verified", of="release") for user in people])

    assert len(refusals(results)) == 1
    assert [row.step_no for row in Signature.objects.all()] == [1]


@pytest.mark.django_db(transaction=True)
def test_the_last_signature_releases_once(plant, user_of):
    order = factories.work_order(plant, status="planned")
    people = [user_of("supervisor"), user_of("qa_manager")]

    results = at_once(people[0], *[lambda user=user: sign(user, order, "released", of="release") for user in people])

    assert len(refusals(results)) == 1
    assert Signature.objects.count() == StateChange.objects.filter(transition="release").count() == 1
