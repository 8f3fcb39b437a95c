"""Quality pages: characteristics, charts, the queue of checks, entry of one check, and the panels for other pages."""

from decimal import Decimal

import pytest
from django.urls import reverse

from audit.context import uuid7
from quality.forms import field_name, next_piece
from quality.models import Measurement, QualityCheck
from quality.services.checks import MeasuredValue, record_check
from tests import factories
from tests.pages import fragment

pytestmark = pytest.mark.django_db

ENTRY = "/quality/checks/new/"


@pytest.fixture
def order(plant):
    return factories.work_order(plant, status="in_progress")


@pytest.fixture
def diameter(plant):
    return factories.characteristic(plant.product, "D1", unit="mm")


def measure(order, characteristic, *values, place="Lab A"):
    for n, value in enumerate(values, 1):
        record_check(
            work_order_id=order.pk,
            test_type="dimensional",
            piece=str(n),
            place=place,
            values=[MeasuredValue(characteristic_id=characteristic.pk, value=Decimal(value))],
        )


def detail(characteristic, query=""):
    return f"/quality/characteristics/{characteristic.pk}/{query}"


# --- List of characteristics ----------------------------------------------------------------------------------


def test_list_shows_last_value_n_cpk_and_a_verdict_per_place(order, diameter, signed_in):
    measure(order, diameter, *["10.00", "10.01", "9.99"] * 10, place="Lab A")
    measure(order, diameter, "10.05", "10.20", place="Lab B")

    rows = signed_in("inspector").get("/quality/").context["rows"]

    by_place = {row.place: row for row in rows}
    assert set(by_place) == {"Lab A", "Lab B"}
    assert (by_place["Lab A"].n, by_place["Lab A"].last) == (30, "9.99 mm")
    assert by_place["Lab A"].judgement.word == "Capable"
    assert float(by_place["Lab A"].cpk) > 1.33
    assert by_place["Lab B"].judgement.word == "Last value out of limits"


def test_characteristic_nobody_measured_says_so(diameter, signed_in):
    (row,) = signed_in("inspector").get("/quality/").context["rows"]

    assert (row.n, row.last, row.cpk, row.judgement.word) == (0, "—", "—", "Not measured")


def test_few_values_get_no_judgement(order, diameter, signed_in):
    measure(order, diameter, "10.00", "10.02", "9.99")

    (row,) = signed_in("inspector").get("/quality/").context["rows"]

    assert row.judgement.word == "Not enough data"


def test_list_asks_the_same_number_of_queries_for_one_and_three(
    plant, order, diameter, signed_in, django_assert_max_num_queries, django_assert_num_queries
):
    client = signed_in("inspector")
    measure(order, diameter, "10.00", "10.02")
    with django_assert_max_num_queries(14) as one:
        client.get("/quality/")
    for _ in range(2):
        measure(order, factories.characteristic(plant.product), "10.00", "10.02", "10.01", place="Lab B")
    with django_assert_num_queries(len(one)):
        client.get("/quality/")


# --- One characteristic ---------------------------------------------------------------------------------------


def test_places_are_never_mixed_unless_asked(order, diameter, signed_in):
    measure(order, diameter, "10.00", "10.01", place="Lab A")
    measure(order, diameter, "10.03", "10.04", "10.05", place="Lab B")
    client = signed_in("inspector")

    newest = client.get(detail(diameter))
    lab_a = client.get(detail(diameter, "?place=Lab+A"))
    together = client.get(detail(diameter, "?place=*"))

    assert newest.context["individuals"]["series"][0]["values"] == [10.03, 10.04, 10.05]
    assert lab_a.context["individuals"]["series"][0]["values"] == [10.0, 10.01]
    assert len(together.context["individuals"]["series"][0]["values"]) == 5
    assert "one series" not in newest.content.decode()
    assert "drawn as one series" in together.content.decode()


def test_signal_is_said_in_words_and_marked(order, diameter, signed_in):
    measure(order, diameter, *["10.00", "10.01"] * 8, "10.09", "10.00")

    page = signed_in("inspector").get(detail(diameter))

    assert page.context["individuals"]["marks"][0]["index"] == 16
    assert "Point 17 (10.09 mm) lies above the upper control limit" in page.content.decode()
    assert {limit["name"] for limit in page.context["individuals"]["limits"]} == {"USL", "LSL", "UCL", "LCL", "Mean"}


@pytest.mark.parametrize(
    ("values", "limits", "said"),
    [
        (["10.00"], {}, "Capability needs at least two values."),
        (["10.00", "10.00", "10.00"], {}, "All values are the same"),
        (["10.00", "10.01", "10.02"], {}, "Only 3 values"),
        (["10.00", "10.01"] * 15, {"lower_limit": None}, "One-sided specification"),
        (["10.00", "10.01"], {"lower_limit": None, "upper_limit": None, "is_informational": True}, "has no limits"),
    ],
)
def test_page_is_honest_about_what_the_data_can_say(plant, order, signed_in, values, limits, said):
    characteristic = factories.characteristic(plant.product, **limits)
    measure(order, characteristic, *values)

    page = signed_in("inspector").get(detail(characteristic))

    assert page.status_code == 200
    assert said in page.content.decode()


def test_one_sided_specification_has_cpk_but_no_cp(plant, order, signed_in):
    flatness = factories.characteristic(plant.product, lower_limit=None, target=None, upper_limit=Decimal("0.02"))
    measure(order, flatness, *["0.010", "0.012", "0.011"] * 10)

    rows = signed_in("inspector").get(detail(flatness)).context["indices"]

    indices = {name: value for row in rows for name, value in row["values"]}

    assert indices["Cp"] == indices["Pp"] == "—"
    assert float(indices["Cpk"]) > 1


def test_limit_far_away_is_told_instead_of_flattening_the_chart(plant, order, signed_in):
    flatness = factories.characteristic(plant.product, lower_limit=None, target=None, upper_limit=Decimal("0.5"))
    measure(order, flatness, "0.003", "0.004", "0.003")

    page = signed_in("inspector").get(detail(flatness))

    assert "USL" not in {limit["name"] for limit in page.context["individuals"]["limits"]}
    assert "USL 0.5 mm lies far off the chart." in page.content.decode()


def test_unmeasured_characteristic_has_a_page(diameter, signed_in):
    page = signed_in("inspector").get(detail(diameter))

    assert page.status_code == 200
    assert "Not measured yet" in page.content.decode()


def test_characteristic_page_asks_the_same_number_of_queries_for_more_values(
    order, diameter, signed_in, django_assert_max_num_queries, django_assert_num_queries
):
    client = signed_in("inspector")
    measure(order, diameter, "10.00")
    with django_assert_max_num_queries(11) as one:
        client.get(detail(diameter))
    measure(order, diameter, "10.01", "10.02")
    with django_assert_num_queries(len(one)):
        client.get(detail(diameter))


# --- Entry of a check -----------------------------------------------------------------------------------------


def entry(characteristic, value, **changes):
    return {
        "piece": "7",
        "place": "Lab A",
        "test_type": "dimensional",
        "client_token": str(uuid7()),
        field_name(characteristic): value,
    } | changes


def test_check_is_recorded_with_every_digit_and_the_next_piece_is_offered(order, diameter, signed_in):
    job = factories.first_job(order)
    client = signed_in("inspector")

    answer = client.post(f"{ENTRY}?job={job.pk}", entry(diameter, "10.050"), follow=True)

    measurement = Measurement.objects.get()
    check = measurement.check_record
    assert f"{measurement.value}" == "10.050"
    assert (check.result, check.job_order, check.performed_by.username) == ("pass", job, "test-inspector")
    assert "Piece 7" in answer.content.decode()
    assert answer.context["form"].initial["piece"] == "8"
    assert answer.context["form"].initial["place"] == "Lab A"


def test_value_outside_the_limits_is_named(order, diameter, signed_in):
    answer = signed_in("inspector").post(f"{ENTRY}?order={order.pk}", entry(diameter, "10.20"), follow=True)

    assert QualityCheck.objects.get().result == "fail"
    assert "10.20 &gt; 10.1 mm" in answer.content.decode()


def test_second_click_records_nothing_twice(order, diameter, signed_in):
    client = signed_in("inspector")
    sent = entry(diameter, "10.00")

    first = client.post(f"{ENTRY}?order={order.pk}", sent)
    second = client.post(f"{ENTRY}?order={order.pk}", sent)

    assert first["Location"] == second["Location"]
    assert QualityCheck.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": ""}, "Enter at least one value."),
        ({"value": "ten"}, "Enter a number."),
        ({"value": "NaN"}, "Enter a number."),
        ({"value": "1e400"}, "Enter a number for"),
        ({"piece": ""}, "This field is required."),
        ({"piece": "a\x00"}, "Null characters are not allowed."),
        ({"client_token": "x"}, "Enter a valid UUID."),
    ],
)
def test_wrong_entries_are_named_and_record_nothing(order, diameter, signed_in, changes, said):
    changes = {field_name(diameter) if name == "value" else name: value for name, value in changes.items()}

    answer = signed_in("inspector").post(f"{ENTRY}?order={order.pk}", entry(diameter, "10.00") | changes)

    assert answer.status_code == 422
    assert said in answer.content.decode() or said in str(answer.context["form"].errors)
    assert not QualityCheck.objects.exists()


def test_only_the_characteristics_of_the_operation_are_asked(plant, order, diameter, signed_in):
    later = factories.characteristic(plant.product, operation_sequence=20)
    job = factories.first_job(order)

    of_job = signed_in("operator").get(f"{ENTRY}?job={job.pk}").context["form"].characteristics
    of_order = signed_in("operator").get(f"{ENTRY}?order={order.pk}").context["form"].characteristics

    assert of_job == [diameter]
    assert set(of_order) == {diameter, later}


def test_without_an_order_one_is_chosen(order, diameter, signed_in):
    text = signed_in("inspector").get(ENTRY).content.decode()

    assert f"?order={order.pk}" in text


@pytest.mark.parametrize(("piece", "following"), [("7", "8"), ("B-009", "B-010"), ("first", ""), ("", "")])
def test_next_piece_counts_on_only_where_it_can(piece, following):
    assert next_piece(QualityCheck(piece=piece)) == following


# --- Queue and panels -----------------------------------------------------------------------------------------


def test_queue_shows_failed_checks_first_and_what_to_measure_now(order, diameter, signed_in):
    measure(order, diameter, "10.20", "10.00", "10.01")

    page = signed_in("inspector").get("/quality/checks/")

    assert [row["result"] for row in page.context["rows"]] == ["fail", "pass", "pass"]
    assert [(row["order"].pk, row["count"]) for row in page.context["due"]] == [(order.pk, 0)]


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("result=fail", 1), ("result=nonsense", 3), ("place=Lab+A", 3), ("place=Lab+B", 0), ("q=wo-test", 3),
        ("q=nothing", 0), ("q=%00", 3), ("days=all", 3), ("days=x", 3), ("page=-1", 3),
    ],
)  # fmt: skip
def test_queue_is_filtered_by_its_address(order, diameter, signed_in, query, n):
    measure(order, diameter, "10.20", "10.00", "10.01")

    page = signed_in("inspector").get(f"/quality/checks/?{query}")

    assert len(page.context["rows"]) == n


def test_queue_asks_the_same_number_of_queries_for_one_and_three(
    order, diameter, signed_in, django_assert_max_num_queries, django_assert_num_queries
):
    client = signed_in("inspector")
    measure(order, diameter, "10.20")
    with django_assert_max_num_queries(13) as one:
        client.get("/quality/checks/")
    measure(order, diameter, "10.20", "10.30", place="Lab A")
    with django_assert_num_queries(len(one)):
        client.get("/quality/checks/")


def test_order_page_gets_its_checks(order, diameter, signed_in):
    measure(order, diameter, "10.20", "10.00")

    text = signed_in("operator").get(reverse("quality:order-checks", args=[order.pk])).content.decode()

    assert "50.0 % passed (1 of 2)" in text


def test_pass_rate_counts_checks_and_is_unknown_without_any(order, diameter, signed_in):
    client = signed_in("supervisor")
    empty = client.get("/quality/pass-rate/").content.decode()
    measure(order, diameter, "10.20", "10.00", "10.01")

    text = client.get(f"/quality/pass-rate/?line={order.production_line_id}").content.decode()
    elsewhere = client.get("/quality/pass-rate/?start=2020-01-01&end=2020-01-31").content.decode()

    assert "66.7 %" in text
    assert "not part of OEE" in text
    assert "No data" in empty
    assert "No data" in elsewhere


# --- Who may what, and in which language ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [
        ("operator", "/quality/", 200),
        ("auditor", "/quality/checks/", 200),
        ("operator", ENTRY, 200),
        ("auditor", ENTRY, 403),
        ("planner", ENTRY, 403),
        ("operator", "/quality/pass-rate/", 403),
        ("planner", "/quality/pass-rate/", 200),
    ],
)
def test_pages_open_to_the_roles_that_may(plant, signed_in, role, page, status):
    assert signed_in(role).get(page).status_code == status


def test_auditor_cannot_record(order, diameter, signed_in):
    answer = signed_in("auditor").post(f"{ENTRY}?order={order.pk}", entry(diameter, "10.00"))

    assert answer.status_code == 403
    assert "Can record quality checks" in answer.content.decode()
    assert not QualityCheck.objects.exists()


def test_unknown_order_is_not_found(signed_in):
    assert signed_in("inspector").get(f"{ENTRY}?order={uuid7()}").status_code == 404


@pytest.mark.parametrize("page", ["/quality/", "/quality/checks/", ENTRY, "entry", "detail"])
def test_pages_render_in_japanese(order, diameter, signed_in, page):
    measure(order, diameter, "10.00", "10.20")
    url = {"entry": f"{ENTRY}?order={order.pk}", "detail": detail(diameter)}.get(page, page)

    answer = signed_in("inspector").get(url, HTTP_ACCEPT_LANGUAGE="ja")

    assert answer.status_code == 200
    assert '<html lang="ja"' in answer.content.decode()


def test_queue_answers_htmx_with_its_changing_part(order, signed_in):
    assert "<html" not in signed_in("inspector").get("/quality/checks/", **fragment("checks")).content.decode()
