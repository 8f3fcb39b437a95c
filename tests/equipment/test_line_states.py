import datetime as dt
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.errors import InvalidInput, MissingPermission, NotFound
from equipment.enums import LineState
from equipment.models import LineStateInterval
from equipment.services.line_states import explain_interval, record_past_states, set_line_state
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_new_state_closes_the_one_before(plant, now):
    set_line_state(line_id=plant.line.pk, state="running", at=now - dt.timedelta(minutes=10))
    set_line_state(line_id=plant.line.pk, state="stopped", at=now)

    first, second = LineStateInterval.objects.order_by("id")
    assert (first.state, first.ended_at) == ("running", now)
    assert (second.state, second.started_at, second.ended_at) == ("stopped", now, None)


def test_the_same_state_again_changes_nothing(plant):
    first = set_line_state(line_id=plant.line.pk, state="running")
    second = set_line_state(line_id=plant.line.pk, state="running")

    assert first.pk == second.pk
    assert LineStateInterval.objects.count() == 1


def test_two_facts_in_one_clock_tick_keep_their_order(plant, now):
    set_line_state(line_id=plant.line.pk, state="running", at=now)
    set_line_state(line_id=plant.line.pk, state="stopped", at=now)

    first, second = LineStateInterval.objects.order_by("id")
    assert first.ended_at == second.started_at > first.started_at


@pytest.mark.parametrize(
    ("state", "offset", "message"),
    [
        ("flying", dt.timedelta(0), "Unknown line state"),
        ("running", dt.timedelta(hours=1), "future"),
        ("idle", dt.timedelta(hours=-1), "before"),
    ],
)
def test_bad_states_and_moments_are_refused(plant, now, state, offset, message):
    set_line_state(line_id=plant.line.pk, state="running", at=now - dt.timedelta(minutes=1))

    with pytest.raises(InvalidInput, match=message):
        set_line_state(line_id=plant.line.pk, state=state, at=now + offset)

    assert LineStateInterval.objects.get().state == "running"


def test_a_moment_needs_its_zone(plant):
    with pytest.raises(InvalidInput, match="zone"):
        set_line_state(line_id=plant.line.pk, state="idle", at=dt.datetime(2026, 1, 1))  # noqa: DTZ001 the fault that is tested


def test_a_stop_is_explained_and_the_history_keeps_both_reasons(plant):
    stop = set_line_state(line_id=plant.line.pk, state="stopped")
    assert stop.needs_explanation
    explain_interval(interval_id=stop.pk, reason_id=plant.stop_reason.pk)
    other = factories.reason("stop")

    explained = explain_interval(interval_id=stop.pk, reason_id=other.pk, comment="looked again")

    assert not explained.needs_explanation
    assert explained.explained_by is not None
    assert list(stop.history.values_list("reason__code", flat=True)) == [other.code, plant.stop_reason.code, None]


def test_the_same_state_with_a_reason_explains_the_open_interval(plant, as_admin):
    stop = set_line_state(line_id=plant.line.pk, state="stopped", comment="Alarm 12", source="machine")

    explained = set_line_state(line_id=plant.line.pk, state="stopped", reason_id=plant.stop_reason.pk)

    assert explained.pk == stop.pk
    assert (explained.reason, explained.comment, explained.explained_by) == (plant.stop_reason, "Alarm 12", as_admin)
    assert LineStateInterval.objects.get().source == "machine"


def test_the_same_state_with_another_reason_is_another_interval(plant):
    first = set_line_state(line_id=plant.line.pk, state="stopped", reason_id=plant.stop_reason.pk)

    second = set_line_state(line_id=plant.line.pk, state="stopped", reason_id=factories.reason("stop").pk)

    first.refresh_from_db()
    assert first.ended_at == second.started_at


def test_only_a_stop_reason_explains_a_stop(plant):
    stop = set_line_state(line_id=plant.line.pk, state="stopped")

    with pytest.raises(NotFound):
        explain_interval(interval_id=stop.pk, reason_id=plant.scrap_reason.pk)
    with pytest.raises(NotFound):
        explain_interval(interval_id=0, reason_id=plant.stop_reason.pk)


def test_an_unknown_line_is_not_found(as_admin):
    with pytest.raises(NotFound):
        set_line_state(line_id=uuid4(), state="running")


def test_the_database_refuses_overlapping_intervals(plant, as_admin, now):
    def insert(start, end):
        with factories.arranging():
            LineStateInterval.objects.create(
                line=plant.line, state="running", started_at=start, ended_at=end, source="person", reported_by=as_admin
            )

    hour = dt.timedelta(hours=1)
    insert(now - 3 * hour, now - 2 * hour)
    insert(now - 2 * hour, now - hour)  # touching is not overlapping

    with pytest.raises(IntegrityError), transaction.atomic():
        insert(now - 2.5 * hour, now)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(now - hour, now - 2 * hour)


def test_a_past_that_overlaps_is_refused_whole(plant, now):
    hour = dt.timedelta(hours=1)
    past = [
        LineStateInterval(state="idle", started_at=now - 4 * hour, ended_at=now - 2 * hour),
        LineStateInterval(state="running", started_at=now - 3 * hour, ended_at=now - hour),
    ]

    with pytest.raises(Exception, match="already has a state"):
        record_past_states(line_id=plant.line.pk, intervals=past, source="import")

    assert not LineStateInterval.objects.exists()


def test_roles_without_the_permission_cannot_set_states(plant, as_role):
    with as_role("auditor"), pytest.raises(MissingPermission):
        set_line_state(line_id=plant.line.pk, state="running")


def test_every_state_has_a_word_in_both_languages():
    from django.utils import translation

    for language in ("en", "ja"):
        with translation.override(language):
            assert len({str(state.label) for state in LineState}) == len(LineState)


def test_now_is_the_default(plant):
    before = timezone.now()

    interval = set_line_state(line_id=plant.line.pk, state="running")

    assert before <= interval.started_at <= timezone.now()
