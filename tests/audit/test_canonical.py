import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest

from audit.canonical import canonical_json, digest

CONTENT = {
    "name": "Gehäuse 筐体",
    "quantity": Decimal("10.0000"),
    "at": dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.timezone(dt.timedelta(hours=9))),
    "id": UUID("01890000-0000-7000-8000-000000000000"),
    "nothing": None,
    "list": [1, "two", {"three": Decimal("3.50")}],
    "day": dt.date(2026, 1, 31),
    "yes": True,
}


def test_the_canonical_form_never_changes():
    """Golden: signatures given years ago must still verify. A new form gets a new number beside this one."""
    assert (
        canonical_json(CONTENT)
        == (
            '{"at":"2026-01-30T23:00:00.000000Z","day":"2026-01-31","id":"01890000-0000-7000-8000-000000000000",'
            '"list":[1,"two",{"three":"3.50"}],"name":"Gehäuse 筐体","nothing":null,"quantity":"10.0000","yes":true}'
        ).encode()
    )
    assert digest(CONTENT) == "144aff465dbb4e70e3c0b4c34c757b869b5ea99bab897e832406db3abaf6f701"


def test_key_order_and_unicode_form_do_not_matter():
    decomposed = {"b": "e\u0301", "a": 1}

    assert digest(decomposed) == digest({"a": 1, "b": "\u00e9"})


def test_scale_matters():
    assert digest({"v": Decimal("1.5")}) != digest({"v": Decimal("1.50")})


def test_a_value_without_a_form_is_refused():
    with pytest.raises(TypeError):
        digest({"v": object()})
