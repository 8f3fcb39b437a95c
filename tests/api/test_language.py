"""Errors speak the language the client asks for, in the words of the source document (DES-25..42)."""

import pytest
from django.db import DatabaseError
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

URL = "/api/v1/work-orders/"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def japanese(client_of):
    return client_of("planner", **{"accept-language": "ja,en;q=0.5"})


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"scheduled_end": "2026-01-01T00:00:00Z"}, "終了予定は開始予定より後である必要があります"),
        ({"work_order_number": "XX"}, "ワークオーダー番号はWOで始まる必要があります"),
        ({"product_id": NOBODY}, "指定された製品が見つかりません"),
    ],
)
def test_a_refusal_is_japanese(japanese, new_order, change, detail):
    answer = japanese.post(URL, new_order | change)

    assert detail in answer.json()["detail"]
    assert answer["Content-Language"] == "ja"


def test_a_conflict_is_japanese(japanese, new_order):
    japanese.post(URL, new_order)

    problem = japanese.post(URL, new_order).json()

    assert problem["title"] == "データ整合性エラー"
    assert "ワークオーダー番号が既に存在します" in problem["detail"]


def test_a_missing_order_is_japanese(japanese):
    assert "ワークオーダーが見つかりません" in japanese.get(f"{URL}{NOBODY}/").json()["detail"]


@pytest.mark.parametrize(
    ("error", "title", "detail"),
    [
        (DatabaseError("x"), "データベースエラー", "データベース処理中にエラーが発生しました"),
        (ValueError("x"), "製造システムエラー", "製造業システム処理中にエラーが発生しました"),
    ],
)
def test_a_fault_is_japanese(user_of, monkeypatch, error, title, detail):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("equipment.api.views.LineViewSet.list", fail)
    client = APIClient(raise_request_exception=False, headers={"accept-language": "ja"})
    client.force_authenticate(user_of("planner"))

    problem = client.get("/api/v1/lines/").json()

    assert problem["title"] == title
    assert detail in problem["detail"]


def test_labels_and_malformed_fields_are_japanese(japanese, new_order):
    made = japanese.post(URL, new_order).json()
    problem = japanese.post(URL, new_order | {"scheduled_start": "2026-01-31T08:00:00"}).json()
    anonymous = APIClient(headers={"accept-language": "ja"}).get(URL).json()

    assert made["status_label"] != "Created"
    for text in (problem["title"], problem["errors"]["scheduled_start"][0], anonymous["detail"]):
        assert any("\u3040" <= letter <= "\u30ff" for letter in text), text


def test_an_unknown_language_is_answered_in_english(client_of, new_order):
    problem = client_of("planner", **{"accept-language": "fr"}).post(URL, new_order | {"work_order_number": "X"}).json()

    assert problem["detail"] == "A work order number starts with WO."
