"""Reviewing the audit trail is a signed record: one after the other, without a gap, about what is sealed."""

import datetime as dt
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from audit import records
from audit.canonical import digest
from audit.context import act_as
from audit.errors import Conflict, InvalidInput, MissingPermission, SignatureRefused, StaleVersion
from audit.journal import change
from audit.models import JournalEntry, SecurityEvent, Signature, TrailReview
from audit.queries.review import review_due
from audit.signatures import Meaning, Signing, sign
from audit.verification.verify import verify
from equipment.models import ProductionLine
from equipment.services.line_assignments import assign_line
from mfg_project.trail.review_kinds import merged
from mfg_project.trail.reviews import drafted, period_to_review, read_period, sign_review
from production.services.calendar import plan_shifts
from tests import factories
from tests.audit.reviewing import reviewed
from tests.audit.sealed import as_administrator, codes, seal_everything
from tests.signing import filled

pytestmark = pytest.mark.django_db(transaction=True)
NEW, SIGN, LIST = "/audit/reviews/new/", "/audit/reviews/sign/", "/audit/reviews/"


@pytest.fixture
def qa(as_admin, user_of) -> User:
    factories.plant()
    return user_of("qa_manager")


def found(by: User, until: dt.datetime | None = None):
    with act_as(by, source="test"):
        return read_period(period_to_review(scope="", until=until or timezone.now()))


def entries_before(until: dt.datetime) -> int:
    return JournalEntry.objects.filter(tx_at__lt=until).count()


def test_the_first_covers_all_so_far_and_the_next_begins_where_it_ended(qa):
    seal_everything()
    first = reviewed(qa)
    assert first.entries == entries_before(first.until)
    assert first.follows is None

    line = factories.line("NEXT")
    seal_everything()
    second = reviewed(qa)

    assert (second.since, second.follows) == (first.until, first)
    # the first review, its signature, and the line with what belongs to it: nothing is left out, nothing counted twice
    assert first.entries + second.entries == entries_before(second.until)
    assert second.counts["production_lines"] == {"I": 1}
    assert JournalEntry.objects.filter(pk_text=str(line.pk), tx_at__gte=second.since).exists()


def test_the_signature_is_of_the_whole_content_and_the_verification_knows_it(qa):
    seal_everything()
    made = reviewed(qa, comment="Two questions asked.")

    signature = Signature.objects.get(record_label="audit.trailreview")
    assert (signature.record_pk, signature.signer, signature.meaning) == (str(made.pk), qa, "trail_reviewed")
    assert signature.digest == digest(TrailReview.objects.get().signed_content())
    assert signature.content["checkpoint"] == {"epoch": 1, "size": made.checkpoint_size, "root": made.checkpoint_root}
    seal_everything()
    assert codes(verify()) == set()

    as_administrator("UPDATE audit_trailreview SET comment = 'Nothing at all.'")
    assert "field_differs" in codes(verify())


class TestPeriod:
    def test_does_not_end_in_the_future_nor_before_it_begins(self, qa):
        seal_everything()
        with pytest.raises(InvalidInput, match="future"):
            reviewed(qa, until=timezone.now() + dt.timedelta(minutes=1))
        made = reviewed(qa)

        with pytest.raises(InvalidInput, match="reviewed already"):
            reviewed(qa, until=made.until)

    def test_holds_nothing_that_is_not_sealed(self, qa):
        seal_everything()
        factories.line("NEW")

        with pytest.raises(Conflict, match="not sealed"):
            reviewed(qa)

    def test_of_a_plant_where_nothing_is_sealed(self, qa):
        with pytest.raises(Conflict, match="Nothing is sealed"):
            reviewed(qa)

    def test_what_was_written_slowly_comes_with_the_next_review(self, qa):
        """A transaction that began before the end of the period and committed after the review."""
        other = factories.user("operator")
        seal_everything()
        begun, go_on = threading.Event(), threading.Event()

        def write_slowly():
            with act_as(other, source="test"), change("write_slowly"):
                ProductionLine.objects.count()
                begun.set()
                go_on.wait(10)
                SecurityEvent.objects.create(kind="signed_in", user=qa, source="slow", act_id=qa.pk)
            connection.close()

        writer = threading.Thread(target=write_slowly)
        writer.start()
        assert begun.wait(10)
        first = reviewed(qa)
        go_on.set()
        writer.join()
        seal_everything()

        late = JournalEntry.objects.get(table_name="audit_securityevent", new__source="slow")
        assert late.tx_at < first.until
        second = reviewed(qa)
        assert second.counts["audit_securityevent"] == {"I": 1}
        assert first.entries + second.entries == entries_before(second.until)

    def test_of_some_record_types_is_a_series_of_its_own(self, qa):
        seal_everything()
        everything = reviewed(qa)
        users = reviewed(qa, scope="accounts_user", until=everything.until)

        assert (users.follows, set(users.counts)) == (None, {"accounts_user"})
        assert review_due("").last == everything
        with pytest.raises(InvalidInput, match="no such record type"):
            reviewed(qa, scope="pg_class")


class TestTheDatabaseDecides:
    def keep(self, qa: User, **values) -> TrailReview:
        nothing = {"entries": 0, "counts": {}, "exceptions": {}, "remarks": [], "comment": "-"}
        place = {"epoch": 1, "checkpoint_size": 1, "checkpoint_root": "0" * 64, "reviewer": qa}
        review = TrailReview(**nothing, **place, **values)
        with act_as(qa, source="test"), change("review_trail"):
            review.save(force_insert=True)
            sign(review, identity=factories.identity(), meaning=Meaning.TRAIL_REVIEWED)
        return review

    def test_of_two_at_once_one_is_told_so(self, qa):
        """Both have read the same period; the second sees what is due now."""
        seal_everything()
        until = timezone.now()
        both_read, refused, kept = threading.Barrier(2, timeout=20), [], []

        def review():
            try:
                with act_as(qa, source="test"):
                    period = period_to_review(scope="", until=until)
                    read = drafted(period, remarks={}, conclusion="-")
                    both_read.wait()
                    with change("review_trail"):
                        try:
                            with transaction.atomic():
                                read.save(force_insert=True)
                                sign(read, identity=factories.identity(), meaning=Meaning.TRAIL_REVIEWED)
                            kept.append(read.pk)
                        except IntegrityError as error:
                            refused.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=review) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (len(kept), len(refused), TrailReview.objects.count()) == (1, 1, 1)
        assert "review_has_one_beginning" in str(refused[0])

    def test_no_gap_no_overlap_no_second_follower_no_other_series(self, qa):
        now = timezone.now()
        day = dt.timedelta(days=1)
        first = self.keep(qa, since=now - 3 * day, until=now - 2 * day)
        follows = {"follows": first, "until": now}
        for wrong in (
            {"since": now - day, "follows_until": now - day},  # a gap
            {"since": now - day, "follows_until": first.until},
            {"since": now - 5 * day / 2, "follows_until": now - 5 * day / 2},  # an overlap
            {"since": first.until, "follows_until": None},
            {"since": first.until, "follows_until": first.until, "scope": "accounts_user"},
        ):
            with pytest.raises(IntegrityError):
                self.keep(qa, **follows, **wrong)
        self.keep(qa, **follows, since=first.until, follows_until=first.until)

        with pytest.raises(IntegrityError):
            self.keep(qa, **follows, since=first.until, follows_until=first.until)
        with pytest.raises(IntegrityError):
            self.keep(qa, since=now - 9 * day, until=now - 8 * day)
        assert TrailReview.objects.count() == 2

    def test_none_without_the_signature_of_its_reviewer(self, qa, as_admin):
        review = self.keep(qa, since=timezone.now() - dt.timedelta(days=1), until=timezone.now())
        unsigned = TrailReview(
            scope="x",
            since=review.since,
            until=review.until,
            reviewer=as_admin,
            entries=0,
            counts={},
            exceptions={},
            remarks=[],
            comment="-",
            epoch=1,
            checkpoint_size=1,
            checkpoint_root="0" * 64,
        )

        with pytest.raises(IntegrityError, match="not signed by its reviewer"), change("review_trail"):
            unsigned.save(force_insert=True)

    def test_nobody_changes_one(self, qa):
        self.keep(qa, since=timezone.now() - dt.timedelta(days=1), until=timezone.now())

        with pytest.raises(Exception, match=r"append-only|permission denied"), change("update_review", "For a test"):
            TrailReview.objects.update(comment="Better.")


class TestExceptions:
    def test_an_edit_of_a_signed_record_is_told_from_its_steps(self, qa):
        plant = factories.plant()
        order = factories.work_order(plant, status="released")
        before = factories.work_order(plant)
        with act_as(factories.user("planner"), source="api"), change("update_record", "Der Kunde wartet"):
            records.update(order, priority=1, reason="Der Kunde wartet")
            records.update(before, priority=1, reason="Der Kunde wartet")
        seal_everything()

        seen = found(qa)

        assert seen.exceptions["signed_changed"] == 1
        (entry,) = seen.listed["signed_changed"]
        assert JournalEntry.objects.get(pk=entry).pk_text == str(order.pk)
        assert seen.exceptions["edited"] >= 2

    def test_deletions_accounts_and_failed_signings(self, qa):
        other = factories.user("operator")
        with factories.arranging():
            SecurityEvent.objects.create(kind="signing_failed", user=other, source="web", act_id=other.pk)
            SecurityEvent.objects.create(kind="signed_in", user=other, source="web", act_id=other.pk)
            other.groups.clear()
        seal_everything()

        seen = found(qa)

        assert seen.exceptions["deleted"] == 1
        assert seen.exceptions["failed_signing"] == 1
        assert seen.exceptions["accounts"] >= 4  # two people, their roles, and one taken away
        assert set(seen.listed["deleted"]) <= set(seen.listed["accounts"])

    def test_a_change_of_the_structure(self, qa):
        seal_everything()
        reviewed(qa)
        as_administrator("ALTER TABLE production_lines ADD COLUMN extra text")
        seal_everything()

        assert found(qa).exceptions["structure"] >= 1

    def test_outside_of_shifts(self, qa, as_admin):
        """A shift that is over: what people did while the test ran was done outside of it."""
        seal_everything()
        reviewed(qa)
        now = timezone.now()
        ends = (now - dt.timedelta(hours=1)).astimezone(dt.UTC)
        factories.shift(start=f"{ends - dt.timedelta(hours=2):%H:%M}", end=f"{ends:%H:%M}")
        plan_shifts(first=(now - dt.timedelta(days=1)).date(), last=now.date())
        factories.line("LATE")
        seal_everything()

        seen = found(qa)

        assert 0 < seen.by_people <= seen.exceptions["out_of_hours"]  # the review before was signed outside of it, too

    def test_shifts_that_meet_are_one_stretch(self):
        at = [dt.datetime(2026, 11, 1, hour, tzinfo=dt.UTC) for hour in range(8)]

        assert merged([(at[0], at[2]), (at[1], at[3]), (at[3], at[4]), (at[5], at[6])]) == [
            (at[0], at[4]),
            (at[5], at[6]),
        ]

    def test_own_acts_are_marked_and_nobody_reviews_only_own_ones(self, qa):
        seal_everything()
        reviewed(qa)
        with act_as(qa, source="test"), change("update_record", "Tippfehler im Namen"):
            records.update(ProductionLine.objects.first(), line_name="New name", reason="Tippfehler im Namen")
        seal_everything()
        seen = found(qa)
        assert (seen.exceptions["own"], seen.by_people, seen.by_reviewer) == (3, 1, 1)

        with pytest.raises(InvalidInput, match="Somebody else has to review it"):
            reviewed(qa)

        factories.line("OTHER")  # by somebody else
        seal_everything()
        assert reviewed(qa)


class TestRemarks:
    def test_are_kept_with_the_entry_they_are_about(self, qa):
        seal_everything()
        entry = JournalEntry.objects.filter(table_name="production_lines").first()

        made = reviewed(qa, remarks={entry.id: " Asked the planner. "})

        assert made.remarks == [
            {
                "entry": entry.id,
                "table": "production_lines",
                "record": entry.pk_text,
                "comment": "Asked the planner.",
            }
        ]

    def test_on_what_is_not_of_the_period_are_refused(self, qa):
        seal_everything()
        reviewed(qa)
        factories.line("NEW")
        seal_everything()
        old = JournalEntry.objects.order_by("id").first()

        with pytest.raises(InvalidInput, match="not of this period"):
            reviewed(qa, remarks={old.id: "Late."})


class TestWhoMay:
    def test_only_quality_signs(self, qa, user_of):
        auditor = user_of("auditor")
        seal_everything()
        with pytest.raises(MissingPermission):
            reviewed(auditor)

    def test_only_with_a_fresh_identity_and_what_was_read(self, qa):
        seal_everything()
        with act_as(qa, source="test"):
            given = {"scope": "", "until": timezone.now(), "sealed": None, "remarks": {}, "conclusion": "-"}
            with pytest.raises(StaleVersion):
                sign_review(**given, signing=factories.signing(Meaning.TRAIL_REVIEWED, digest="0" * 64))
            period = period_to_review(scope="", until=given["until"])
            read = digest(drafted(period, remarks={}, conclusion="-").signed_content())
            with pytest.raises(SignatureRefused):
                sign_review(**given, signing=Signing(identity=None, meaning=Meaning.TRAIL_REVIEWED, digest=read))
        assert not TrailReview.objects.exists()


class TestPages:
    @pytest.fixture
    def client(self, client, qa):
        client.force_login(qa)
        seal_everything()
        return client

    def test_from_the_due_period_to_the_signed_review(self, client, qa):
        page = client.get(NEW, {"until": timezone.now().isoformat()})
        assert page.status_code == 200
        entry = page.context["kinds"][4]["rows"][0]["row"].id  # accounts
        given = {"until": page.context["period"].until.isoformat(), "conclusion": "Fine.", f"remark-{entry}": "Asked."}

        dialog = client.post(SIGN, given)
        assert "SHA-256" in dialog.content.decode()
        assert "Asked." in client.get(NEW, {"until": given["until"]}).content.decode()  # a draft outlives the dialog
        given["sealed"] = dialog.context["sealed"]
        signed = {"meaning": "trail_reviewed"}
        wrong = client.post(SIGN, given | filled(dialog, qa, password="wrong-password-123", **signed))
        assert wrong.status_code == 422
        assert not TrailReview.objects.exists()
        seal_everything()  # the failed signing; it is after the period
        done = client.post(SIGN, given | filled(wrong, qa, digest=dialog.context["digest"], step=1, **signed))

        made = TrailReview.objects.get()
        assert done["Location"] == f"/audit/reviews/{made.pk}/"
        shown = client.get(done["Location"]).content.decode()
        assert "Audit trail reviewed" in shown
        assert "Asked." in shown
        assert made.signed_content()["remarks"][0]["entry"] == entry
        assert str(made.pk) in client.get(LIST).content.decode()

    def test_a_period_that_is_not_ready_says_why(self, client):
        factories.line("NEW")
        page = client.get(NEW, {"until": timezone.now().isoformat()})

        assert page.status_code == 409
        assert "not sealed" in page.content.decode()
        assert client.get(f"{NEW}?until=nonsense").status_code in (200, 409)
        assert client.post(SIGN, {"until": "nonsense"}).status_code == 409

    def test_the_auditor_reads_and_does_not_review(self, client, qa, user_of):
        made = reviewed(qa)
        client.force_login(user_of("auditor"))

        assert client.get(LIST).status_code == 200
        assert client.get(f"{LIST}{made.pk}/").status_code == 200
        assert client.get(f"/admin/audit/trailreview/{made.pk}/change/").status_code == 200
        assert client.get(NEW).status_code == 403
        assert client.post(SIGN, {}).status_code == 403

    def test_who_works_on_some_lines_does_not_see_them(self, client, qa, user_of):
        made = reviewed(qa)
        limited = user_of("auditor")
        with factories.arranging():
            assign_line(user_id=limited.pk, line_id=ProductionLine.objects.first().pk)
        client.force_login(limited)

        assert client.get(LIST).status_code == 403
        assert client.get("/api/v1/audit/reviews/").json()["results"] == []
        assert client.get(f"/api/v1/audit/reviews/{made.pk}/").status_code == 404

    def test_the_api_reads(self, client, qa):
        made = reviewed(qa)

        (listed,) = client.get("/api/v1/audit/reviews/").json()["results"]
        assert listed == client.get(f"/api/v1/audit/reviews/{made.pk}/").json()
        assert (listed["tables"], listed["entries"]) == ([], made.entries)
        assert client.post("/api/v1/audit/reviews/", {}).status_code in (403, 405)
