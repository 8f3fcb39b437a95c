"""Passwords that became known elsewhere: looked up in a file that may be larger than memory."""

import hashlib
import random

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.checks import run_checks
from django.core.exceptions import ValidationError

from accounts import validators
from accounts.validators import BreachedPasswordValidator, is_listed

WORDS = [f"known-password-{n}" for n in range(500)]


def sha1(word):
    return hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest().upper()


@pytest.fixture(params=["words", "words without a last newline", "windows words", "hashes", "hashes with counts"])
def listed(request, tmp_path, settings):
    lines = {
        "words": WORDS,
        "words without a last newline": WORDS,
        "windows words": WORDS,
        "hashes": sorted(map(sha1, WORDS)),
        "hashes with counts": [
            f"{digest}:{random.Random(n).randint(1, 10**7)}" for n, digest in enumerate(sorted(map(sha1, WORDS)))
        ],
    }[request.param]
    end = "\r\n" if "windows" in request.param or "counts" in request.param else "\n"
    text = end.join(lines) + ("" if "without" in request.param else end)
    file = tmp_path / "list.txt"
    file.write_bytes(text.encode())
    settings.BREACHED_PASSWORDS_FILE = str(file)
    return file


def test_every_listed_one_is_found_and_no_other(listed):
    assert [word for word in WORDS if not is_listed(word)] == []
    assert [word for word in WORDS if is_listed(word + "x") or is_listed(word[1:])] == []


def test_the_policy_refuses_it_in_any_case(listed):
    with pytest.raises(ValidationError, match="became known elsewhere"):
        validate_password("Known-Password-77")
    validate_password("Kupplung-Flansch-7")


def test_words_across_the_pieces_that_are_read(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(validators, "CHUNK", 7)
    file = tmp_path / "list.txt"
    file.write_text("\n".join(WORDS[:50]))
    settings.BREACHED_PASSWORDS_FILE = str(file)

    assert all(is_listed(word) for word in WORDS[:50])
    assert not is_listed("known-password-5\nknown")


def test_a_search_reads_a_few_lines_of_a_large_list(tmp_path, settings, monkeypatch):
    file = tmp_path / "hashes.txt"
    digests = sorted(sha1(f"w{n}") for n in range(50_000))
    file.write_text("".join(f"{digest}:1\n" for digest in digests))
    settings.BREACHED_PASSWORDS_FILE = str(file)
    read = []

    class Counted:
        def __init__(self, opened):
            self.opened = opened

        def readline(self, *size):
            line = self.opened.readline(*size)
            read.append(len(line))
            return line

        def __getattr__(self, name):
            return getattr(self.opened, name)

    with file.open("rb") as opened:
        assert validators._has_hash(Counted(opened), digests[31_337].encode())
    assert len(read) < 60
    assert sum(read) < 3_000


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_list_knows_nothing(tmp_path, settings, content):
    file = tmp_path / "list.txt"
    file.write_text(content)
    settings.BREACHED_PASSWORDS_FILE = str(file)

    assert not is_listed("anything")


def test_a_list_that_cannot_be_read_lets_no_password_pass_and_is_told_at_start(settings):
    settings.BREACHED_PASSWORDS_FILE = "/nowhere/list.txt"

    with pytest.raises(ValidationError, match="cannot be read"):
        BreachedPasswordValidator().validate("Kupplung-Flansch-7")
    assert "accounts.E002" in [found.id for found in run_checks()]


def test_without_a_list_there_is_djangos_own():
    BreachedPasswordValidator().validate("known-password-77")
    with pytest.raises(ValidationError, match="too common"):
        validate_password("qwerty123456")
