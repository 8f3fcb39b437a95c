"""Exports of the trail: as many entries as there are, complete or visibly not, under WSGI and ASGI."""

import csv
import io
import json

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.http import HttpResponse
from django.test import AsyncClient, AsyncRequestFactory, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from audit.context import act_as, current_act
from audit.models import JournalEntry, SecurityEvent
from equipment.services.line_assignments import assign_line
from mfg_project.common.streams import FilePieces, streamed
from mfg_project.trail import exports
from tests import factories
from tests.reports.pdfa import faults, reader, text_of
from tests.trail.world import body

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(signed_in):
    return signed_in("auditor")


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(exports, "BATCH", 3)


def test_json_holds_every_entry_and_says_at_its_end_that_it_does(auditor, plant, small_pages):
    factories.work_order(plant, status="released")
    everything = list(JournalEntry.objects.order_by("-id").values_list("id", flat=True))

    exported = json.loads(body(auditor.get("/audit.json")))

    found = [entry["id"] for entry in exported["entries"]]
    assert found[-len(everything) :] == everything  # before them: that it was exported
    assert (exported["count"], exported["complete"]) == (len(found), True)


def test_csv_says_at_its_end_that_it_is_complete(auditor, plant, small_pages):
    factories.work_order(plant)

    text = body(auditor.get("/audit.csv?type=work_orders")).decode()

    assert list(csv.reader(io.StringIO(text)))[-1][1] == "End of the export, complete with 1 entries."


@pytest.mark.parametrize("address", ["/audit.csv", "/audit.json"])
def test_a_stream_that_breaks_is_visibly_not_complete(auditor, plant, small_pages, monkeypatch, address):
    trail_pages = exports.pages

    def breaking(wanted, *, size):
        for number, page in enumerate(trail_pages(wanted, size=size)):
            if number == 2:
                raise ConnectionError("the database went away")
            yield page

    monkeypatch.setattr(exports, "pages", breaking)
    response = auditor.get(address)
    assert response.streaming
    sent = []
    with pytest.raises(ConnectionError):
        sent.extend(response)  # what the server has sent by then stays sent

    text = b"".join(sent).decode()
    assert "complete" not in text
    if address.endswith("json"):
        with pytest.raises(ValueError, match="Expecting"):
            json.loads(text)


def test_nothing_is_read_before_it_is_asked_for(auditor, plant, small_pages, monkeypatch):
    """An export of ten million entries must not be held anywhere."""
    read = []
    trail_pages = exports.pages

    def counted(wanted, *, size):
        for page in trail_pages(wanted, size=size):
            read.append(page)
            yield page

    monkeypatch.setattr(exports, "pages", counted)
    stream = iter(auditor.get("/audit.json"))
    assert read == []
    next(stream)
    next(stream)
    assert len(read) == 1


def test_under_asgi_it_streams_too_with_the_readers_language_rights_and_time(plant, user_of, small_pages):
    order = factories.work_order(plant, work_order_number="WO-ASYNC", priority=1)
    user = user_of("auditor")
    pieces = []

    async def read():
        client = AsyncClient()
        await client.aforce_login(user)
        response = await client.get(f"/audit.csv?type=work_orders&key={order.pk}", headers={"Accept-Language": "ja"})
        assert response.is_async
        async for piece in response.streaming_content:
            pieces.append(piece)

    async_to_sync(read)()
    text = b"".join(pieces).decode()
    assert len(pieces) >= 3
    assert "優先度" in text
    assert "WO-ASYNC" in text
    assert "+09:00" in text


def test_each_piece_is_made_as_the_view_was(user_of):
    """After the view: nobody acts, another language, another time zone. The stream still knows its own."""
    user = user_of("auditor")

    def pieces():
        for _ in range(2):
            zone = timezone.get_current_timezone_name()
            yield f"{current_act().actor.pk} {translation.get_language()} {zone}".encode()

    for factory in (RequestFactory, AsyncRequestFactory):
        with act_as(user, source="web"), translation.override("ja"), timezone.override("Asia/Tokyo"):
            response = streamed(factory().get("/"), pieces(), content_type="text/plain", filename="x")
        said = async_to_sync(_collected)(response) if response.is_async else list(response)
        assert said == [f"{user.pk} ja Asia/Tokyo".encode()] * 2


async def _collected(response) -> list[bytes]:
    return [piece async for piece in response]


@pytest.mark.django_db(transaction=True)
def test_a_slow_reader_keeps_no_connection(auditor, plant, small_pages):
    stream = iter(auditor.get("/audit.json"))
    next(stream)
    next(stream)

    assert connection.connection is None
    assert b"".join(stream).endswith(b'"complete": true}\n')


def test_an_answer_nobody_reads_lets_its_file_go():
    file = io.BytesIO(b"content")
    response = streamed(RequestFactory().get("/"), FilePieces(file), content_type="text/plain", filename="x")
    response.close()
    assert file.closed
    other = io.BytesIO(b"content")
    FilePieces(other)
    assert other.closed


def test_the_trail_on_paper_is_bounded_and_says_so(auditor, plant, monkeypatch):
    order = factories.work_order(plant, status="released", work_order_number="WO-PAPER")
    query = f"?type=work_orders&key={order.pk}"

    pdf = body(auditor.get(f"/audit.pdf{query}"))
    assert faults(pdf) == []
    text = text_of(pdf)
    assert "WO-PAPER" in text
    assert "Status: Created → Planned" in text
    assert "Not complete" not in text
    assert "Exported by Test auditor" in text
    monkeypatch.setattr(exports, "MOST_ON_PAPER", 1)
    cut = text_of(body(auditor.get(f"/audit.pdf{query}")))
    assert "Not complete: the newest 1 entries" in cut
    assert len(reader(pdf).pages) == 1


@pytest.mark.parametrize("ending", ["csv", "json", "pdf"])
def test_every_export_leaves_a_record_that_cannot_be_taken_back(auditor, user_of, plant, ending):
    factories.work_order(plant)

    body(auditor.get(f"/audit.{ending}?type=work_orders&who=nobody"))

    event = SecurityEvent.objects.get(kind="exported")
    assert event.user == user_of("auditor")
    assert event.detail == f"audit trail as {ending}: type=work_orders&who=nobody"
    assert JournalEntry.objects.filter(table_name="audit_securityevent", pk_text=str(event.pk)).exists()


@pytest.mark.parametrize("ending", ["csv", "json", "pdf"])
def test_an_export_stays_inside_the_readers_rights(client, user_of, plant, ending):
    other = factories.work_order(factories.plant())
    user = user_of("auditor")
    assign_line(user_id=user.pk, line_id=plant.line.pk)
    client.force_login(user)

    assert client.get(f"/audit.{ending}").status_code == 403
    assert client.get(f"/audit.{ending}?type=work_orders&key={other.pk}").status_code == 404
    client.force_login(user_of("operator"))
    assert client.get(f"/audit.{ending}").status_code == 403
    assert not SecurityEvent.objects.filter(kind="exported").exists()


def test_the_pages_offer_the_exports(auditor, plant):
    order = factories.work_order(plant)
    page = auditor.get(reverse("trail:record", args=["work_orders", order.pk])).content.decode()

    for address in (reverse("trail:bundle", args=["work_orders", order.pk]), reverse("trail:pdf")):
        assert f'href="{address}' in page
    assert isinstance(auditor.get("/audit.pdf?record=nothing-like-it"), HttpResponse)
