import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical_entry import FIELDS, entry_line, leaf_bytes, leaf_bytes_in_order
from audit.merkle import leaf_hash
from audit.offline import genba_verify
from tests.audit.exports import ENTRY

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
ENTRIES = st.fixed_dictionaries(dict.fromkeys(FIELDS, TEXT))


def test_the_sealed_bytes_never_change():
    """Golden: entries sealed years ago must still verify. A new form gets a new magic beside this one."""
    assert leaf_bytes(ENTRY) == (
        b"genba-journal-entry-v1\n"
        b"\x00\x00\x00\x0242"
        b"\x00\x00\x00\x041001"
        b"\x00\x00\x00\x01U"
        b"\x00\x00\x00\x06public"
        b"\x00\x00\x00\x16production_work_orders"
        b'\x00\x00\x00\x0e{"id": "0189"}'
        b'\x00\x00\x00\x13{"quantity": 10.50}'
        b'\x00\x00\x00\x13{"quantity": 12.00}'
        b"\x00\x00\x00\x0fnote,quantity,x"
        b"\x00\x00\x00\x017"
        b"\x00\x00\x00\x04user"
        b"\x00\x00\x00\x0e\xe7\x8f\xbe\xe5\xa0\xb4 M\xc3\xbcller"
        b"\xff\xff\xff\xff"
        b"\x00\x00\x00\x05count"
        b"\x00\x00\x00\x00"
        b"\xff\xff\xff\xff"
        b"\xff\xff\xff\xff"
        b"\x00\x00\x00\x03web"
        b"\x00\x00\x00\x050.1.0"
        b"\x00\x00\x00\x06app_rw"
        b'\x00\x00\x00\x0c["ISO 9001"]'
        b"\x00\x00\x00\x1b2026-01-31T08:00:00.000001Z"
        b"\x00\x00\x00\x1b2026-01-31T07:59:59.999999Z"
    )
    assert leaf_hash(leaf_bytes(ENTRY)).hex() == "6585b8c1382f77bc15713a60e629c25e654c8ab1ca85cce10f7652e6c539c7e6"


def test_the_verifier_knows_the_same_form():
    assert genba_verify.FIELDS == FIELDS


@given(ENTRIES)
def test_the_verifier_makes_the_same_bytes_from_a_line(entry):
    leaf, read = genba_verify.parse_entry(entry_line(entry).encode())

    assert read == entry
    assert leaf == hashlib.sha256(b"\x00" + leaf_bytes(entry)).digest()
    assert leaf_bytes(entry) == leaf_bytes_in_order(entry[name] for name in FIELDS) == genba_verify.leaf_bytes(entry)


@given(ENTRIES, ENTRIES)
def test_different_entries_have_different_bytes(one, other):
    assert (leaf_bytes(one) == leaf_bytes(other)) == (one == other)


def test_null_and_neighbours_are_told_apart():
    empty = ENTRY | {"reason": ""}
    moved = ENTRY | {"old": ENTRY["old"][:-1], "new": ENTRY["old"][-1] + ENTRY["new"]}

    assert len({leaf_bytes(ENTRY), leaf_bytes(ENTRY | {"reason": None}), leaf_bytes(moved)}) == 3
    assert leaf_bytes(empty) == leaf_bytes(ENTRY)


@pytest.mark.parametrize("wrong", [{"extra": "x"}, {"xid": 7}])
def test_other_fields_and_other_types_are_refused(wrong):
    with pytest.raises((ValueError, AttributeError)):
        leaf_bytes(ENTRY | wrong)
    with pytest.raises(genba_verify.Altered, match=next(iter(wrong))):
        genba_verify.parse_entry(json.dumps(ENTRY | wrong).encode())


def test_a_missing_field_is_named():
    partial = {name: value for name, value in ENTRY.items() if name != "reason"}

    with pytest.raises(ValueError, match="reason"):
        leaf_bytes(partial)
    with pytest.raises(genba_verify.Altered, match="field reason"):
        genba_verify.parse_entry(json.dumps(partial).encode())


def test_a_line_is_one_line():
    line = entry_line(ENTRY | {"reason": "first\nsecond\r\u2028third"})

    assert "\n" not in line
    assert json.loads(line)["reason"] == "first\nsecond\r\u2028third"
