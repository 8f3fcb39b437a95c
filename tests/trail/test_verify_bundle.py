"""POST /api/v1/audit/verify-bundle/: the verifier's own words, whether it is ours, and nothing of the upload runs."""

import io
import zipfile

import pytest
from rest_framework.test import APIClient

from audit.bundle import BundleWriter
from audit.models import SecurityEvent
from audit.verification import uploaded
from tests import factories
from tests.audit.exports import Log, zipped
from tests.audit.sealed import seal_everything
from tests.trail.world import order_with_everything, take

VERIFY = "/api/v1/audit/verify-bundle/"


@pytest.fixture
def auditor(user_of) -> APIClient:
    client = APIClient()
    client.force_login(user_of("auditor"))
    return client


def send(client, raw: bytes, content_type: str = "application/zip"):
    return client.generic("POST", VERIFY, raw, content_type=content_type)


@pytest.mark.django_db(transaction=True)
def test_our_own_copy_is_intact_and_known(auditor, plant):
    story = order_with_everything(plant)
    size = seal_everything()
    copy = take(auditor, story.order)

    answer = send(auditor, copy.raw)

    assert answer.status_code == 200
    said = answer.json()
    assert said["verdict"] == "intact"
    assert {finding["kind"] for finding in said["findings"]} == {"ok", "note"}
    assert said["public_key"] == copy.files["public_key.txt"].decode().strip()
    assert (said["key_is_known"], said["checkpoint_is_known"]) == (True, True)
    assert (said["size"], said["epoch"], said["origin"]) == (size, 1, "plant.example/journal")
    altered = bytearray(copy.raw)
    altered[100] ^= 1
    said = send(auditor, bytes(altered)).json()
    assert said["verdict"] == "altered"
    assert said["key_is_known"] is False  # of a file that is not what was written nothing is believed


@pytest.mark.django_db
def test_an_export_of_another_plant_is_intact_and_not_ours(auditor):
    said = send(auditor, zipped(Log(300).files([0, 1, 2]))).json()

    assert (said["verdict"], said["key_is_known"], said["checkpoint_is_known"]) == ("intact", False, False)
    assert said["size"] == 300


@pytest.mark.django_db
@pytest.mark.parametrize(
    "raw", [b"rubbish", b"PK\x05\x06" + bytes(18), b"\x00" * 200, zipped({"a.txt": [b"only this"]})]
)
def test_what_is_no_export_cannot_be_checked(auditor, raw):
    answer = send(auditor, raw)

    assert answer.status_code == 200
    assert answer.json()["verdict"] == "cannot_be_checked"
    assert answer.json()["findings"][-1]["kind"] == "unchecked"


@pytest.mark.django_db
def test_nothing_of_the_upload_is_run(auditor, tmp_path):
    """A verifier of the sender's, and modules the real one would import."""
    trace = tmp_path / "ran"
    evil = f"open({str(trace)!r}, 'w').write('ran')\n".encode()
    output = io.BytesIO()
    with BundleWriter(output) as bundle:
        for name in ("json.py", "zipfile.py", "sitecustomize.py", "__main__.py", "__init__.py", "usercustomize.py"):
            bundle.add(name, [evil])
        for name, chunks in Log(3).files([0]).items():
            bundle.add(name, chunks)
    raw = output.getvalue()
    swapped = raw.replace(b"Checks an export", b"Checks an exp0rt")

    assert send(auditor, raw).json()["verdict"] == "intact"
    send(auditor, swapped)
    assert not trace.exists()


@pytest.mark.django_db
def test_a_bomb_is_refused_by_the_verifier(auditor):
    packed = io.BytesIO()
    with BundleWriter(packed) as bundle:
        bundle.add("bomb.bin", (bytes(1 << 20) for _ in range(64)))

    said = send(auditor, packed.getvalue()).json()

    assert said["verdict"] == "cannot_be_checked"
    assert "far more than an export would" in said["findings"][0]["text"]


@pytest.mark.django_db
def test_a_file_that_takes_for_ever_is_ended(auditor, monkeypatch):
    monkeypatch.setattr(uploaded, "LONGEST", 0.001)

    said = send(auditor, zipped(Log(3).files([0]))).json()

    assert said["verdict"] == "cannot_be_checked"
    assert "takes more than" in said["findings"][0]["text"]


@pytest.mark.django_db
def test_too_large_or_of_another_kind_is_refused(auditor, settings):
    settings.BUNDLE_MAX_BYTES = 1024 * 1024

    large = send(auditor, bytes(1024 * 1024 + 1))

    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert send(auditor, b"{}", "application/json").status_code == 415
    assert send(auditor, b"").status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [("auditor", 200), ("qa_manager", 200), ("operator", 403)])
def test_who_may_ask(user_of, role, status):
    client = APIClient()
    client.force_login(user_of(role))

    assert send(client, zipped(Log(3).files([0]))).status_code == status
    assert send(APIClient(), b"x").status_code == 401


@pytest.mark.django_db
def test_the_api_gives_the_same_copy_as_the_page(auditor, plant):
    order = factories.work_order(plant)
    address = f"/api/v1/audit/records/work_orders/{order.pk}/bundle/"

    response = auditor.get(address, headers={"Accept": "application/zip"})

    raw = b"".join(response)
    assert response["Content-Type"] == "application/zip"
    assert int(response["Content-Length"]) == len(raw)
    assert {"record.pdf", "record.json", "manifest.json"} <= set(zipfile.ZipFile(io.BytesIO(raw)).namelist())
    assert SecurityEvent.objects.get(kind="exported").source == "api"
    refused = auditor.get(address.replace("work_orders", "nothing"), headers={"Accept": "application/zip"})
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
