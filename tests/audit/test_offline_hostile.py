"""An export may come from anybody: files made to hurt the verifier, or to mislead who reads what it prints."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from audit.bundle import BundleWriter
from audit.offline import genba_verify
from audit.offline.genba_verify import ALTERED, INTACT, UNCHECKED
from tests.audit.exports import RECORD, Log, forged, relisted, run, unpacked, written, zipped


@pytest.fixture(scope="module")
def raw() -> bytes:
    return zipped(Log(300).files(RECORD, witnesses=[100]))


@pytest.fixture
def folder(raw, tmp_path) -> Path:
    return unpacked(raw, tmp_path / "export")


def sealed(members: list[tuple[zipfile.ZipInfo | str, bytes]], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Any zip file at all, with the seal of an export."""
    output = io.BytesIO()
    with BundleWriter(output) as bundle, pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "_digests", {})
        for name, content in members:
            bundle._zip.writestr(name, content, packing)
    return output.getvalue()


@pytest.mark.parametrize(
    "name",
    ["../outside", "/etc/passwd", "C:/x", "a\\b", "a//b", "./a", "dir/", "x" * 300, ".hidden", "näme", "a/b/../c"],
)
def test_path_names_that_lead_elsewhere_are_refused(name, tmp_path):
    assert run(written(tmp_path / "x.zip", sealed([(name, b"x")]))) == UNCHECKED


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_come_twice_are_refused(tmp_path, capsys):
    assert run(written(tmp_path / "x.zip", sealed([("a", b"x"), ("a", b"y")]))) == UNCHECKED
    assert run(written(tmp_path / "x.zip", sealed([("a", b"x"), ("A", b"y")]))) == UNCHECKED
    assert capsys.readouterr().out.count("or twice") == 2


def test_a_zip_bomb_is_not_unpacked(tmp_path, capsys):
    bomb = sealed([("entries.ndjson", bytes(40_000_000))])

    assert len(bomb) < 60_000
    assert run(written(tmp_path / "bomb.zip", bomb)) == UNCHECKED
    assert "far more than an export would" in capsys.readouterr().out


def test_other_packings_and_broken_members_cannot_be_checked(raw, tmp_path):
    assert run(written(tmp_path / "x.zip", sealed([("a", b"x")], zipfile.ZIP_BZIP2))) == UNCHECKED
    for content in (b"", b"PK", b"x" * 1000, raw[:-1], raw[:-71], raw + b"x"):
        assert run(written(tmp_path / "x.zip", content)) == UNCHECKED
    assert run(tmp_path / "absent.zip") == UNCHECKED


def test_links_and_pipes_in_a_folder_are_refused(folder):
    (folder / "link").symlink_to("/etc/passwd")
    assert run(folder) == UNCHECKED
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    assert run(folder) == UNCHECKED
    (folder / "pipe").unlink()
    (folder / "empty").mkdir()
    assert run(folder) == INTACT


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b"1" * 1_000_000,
        b"1e999999999",
        b"NaN",
        b"-Infinity",
        b"\xff\xfe",
        b"null",
        b'"text"',
        b"{}",
        b'{"start":0,"start":0,"leaves":[],"hashes":[]}',
        b'{"start":0,"leaves":[],"hashes":[]}',
        b'{"start":9999999999999999999,"leaves":["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],"hashes":[]}',
        b'{"start":-1,"leaves":["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],"hashes":[]}',
        b'{"start":true,"leaves":[],"hashes":[]}',
        b'{"start":0,"leaves":{},"hashes":[]}',
        b'{"start":0,"leaves":[null],"hashes":[]}',
        b'{"start":0,"leaves":["x"],"hashes":[]}',
        b'{"from":1,"to":2,"hashes":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}',
    ],
)
@pytest.mark.parametrize("name", ["proofs.ndjson", "entries.ndjson"])
def test_lines_made_to_hurt_are_only_altered(name, line, folder, capsys):
    path = folder / name
    path.write_bytes(line + b"\n" + path.read_bytes())
    relisted(folder)

    assert run(folder) == ALTERED
    assert capsys.readouterr().out.isascii()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b'{"a":1,"a":2}', "JSON"), (b"1" * 20, "JSON"), (b"1.5", "JSON"), (b"1e9", "JSON"), (b"NaN", "JSON")],
)
def test_json_that_two_readers_may_read_differently_is_refused(raw, reason):
    with pytest.raises(genba_verify.Altered, match=reason):
        genba_verify.read_json(raw)


@pytest.mark.parametrize("text", ["QQ", "QR==", "QQ==\n", " QQ==", "QQ=", "Q-==", "現", 1, None])
def test_base64_has_one_spelling(text):
    with pytest.raises(genba_verify.Altered):
        genba_verify.decode_base64(text)
    assert genba_verify.decode_base64("QQ==") == b"A"


def test_halves_of_characters_are_altered(folder):
    assert run(forged(folder, "entries.ndjson", b"entry 256", b"entry \\ud800")) == ALTERED


def test_what_a_forger_writes_reaches_the_terminal_harmless(folder, capsys):
    forged(folder, "entries.ndjson", b'"id":"256"', '"id":"\\u001b[2J\\u202e現"'.encode())

    assert run(folder) == ALTERED
    assert capsys.readouterr().out.isascii()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"counts": {"entries": 7}}, 0),
        ({"counts": {"entries": "7"}}, 1),
        ({"counts": {"entries": True}}, 1),
        ({"counts": [7]}, 1),
        ({"remark": "x"}, 1),
    ],
)
def test_a_manifest_holds_files_and_counts_and_nothing_else(folder, more, code):
    listed = json.loads((folder / "manifest.json").read_text()) | more
    (folder / "manifest.json").write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n")
    assert run(folder) == code


def test_a_manifest_of_another_kind_cannot_be_checked(folder):
    listed = json.loads((folder / "manifest.json").read_text())
    for wrong in ([], {}, listed | {"format": "genba-export-v9"}, listed | {"files": []}):
        (folder / "manifest.json").write_text(json.dumps(wrong, indent=1, sort_keys=True) + "\n")
        assert run(folder) == UNCHECKED
    for respelled in (json.dumps(listed | {"more": 1}, indent=1, sort_keys=True) + "\n", json.dumps(listed)):
        (folder / "manifest.json").write_text(respelled)
        assert run(folder) == ALTERED
    (folder / "manifest.json").unlink()
    assert run(folder) == UNCHECKED
