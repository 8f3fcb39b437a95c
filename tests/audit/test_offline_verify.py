"""The verifier inside every export: what it accepts, and that nothing altered ever passes."""

import ast
import gc
import io
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from audit.bundle import BundleWriter, inclusion_lines, lines
from audit.canonical_entry import entry_line
from audit.offline import VERIFIER
from audit.offline.genba_verify import ALTERED, INTACT, UNCHECKED
from tests.audit.exports import (
    ORIGIN,
    RECORD,
    Log,
    forged,
    relisted,
    run,
    signing_key,
    unpacked,
    written,
    zipped,
)

FOLDER_FILES = [
    "checkpoint.txt",
    "entries.ndjson",
    "genba_verify.py",
    "manifest.json",
    "proofs.ndjson",
    "public_key.txt",
    "record.txt",
    "witness/100.txt",
    "witness/256.txt",
]
EVIDENCE = [name for name in FOLDER_FILES if name not in {"manifest.json", "record.txt", "genba_verify.py"}]


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(300)


@pytest.fixture(scope="module")
def raw(log) -> bytes:
    return zipped(log.files(RECORD, witnesses=[100, 256]))


@pytest.fixture
def folder(raw, tmp_path) -> Path:
    return unpacked(raw, tmp_path / "export")


# --- what is right


def test_an_intact_export_passes_as_zip_and_unpacked(raw, folder, tmp_path, capsys):
    assert run(written(tmp_path / "export.zip", raw)) == INTACT
    assert run(folder) == INTACT
    told = capsys.readouterr().out
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == FOLDER_FILES
    for words in (
        "manifest: 8 files",
        f"checkpoint: '{ORIGIN}', 300 entries",
        "witness witness/256.txt: 256 entries, one log",
        "entries: 7, each in the log of 300",
        "key: came with the export; compare it",
        "\nINTACT\n",
    ):
        assert words in told


def test_the_same_export_is_the_same_file(log, raw):
    assert zipped(log.files(RECORD, witnesses=[100, 256])) == raw


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000])
def test_a_whole_log_is_proven_tile_by_tile(size, tmp_path):
    log = Log(size)
    files = log.files(range(size))

    assert len(files["proofs.ndjson"]) == -(-size // 256)
    assert run(written(tmp_path / "whole.zip", zipped(files))) == INTACT


def test_an_export_without_entries_proves_the_checkpoint_alone(tmp_path):
    assert run(written(tmp_path / "none.zip", zipped(Log(5).files([])))) == INTACT
    assert run(written(tmp_path / "empty.zip", zipped(Log(0).files([])))) == INTACT


def test_runs_isolated_in_an_empty_directory_without_network(raw, tmp_path):
    """-I -S: no site packages, no environment, nothing from the current directory."""
    path, empty = written(tmp_path / "export.zip", raw), tmp_path / "empty"
    empty.mkdir()
    program = (
        "import sys, runpy\n"
        "def refuse(event, args):\n"
        "    if event.split('.')[0] in ('socket', 'subprocess', 'urllib') or event == 'os.system':\n"
        "        raise SystemExit('not alone: ' + event)\n"
        "    if event == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+'):\n"
        "        raise SystemExit('writes: ' + str(args))\n"
        "sys.addaudithook(refuse)\n"
        f"sys.argv = ['genba_verify.py', {str(path)!r}]\n"
        f"runpy.run_path({str(VERIFIER)!r}, run_name='__main__')\n"
    )
    alone = [sys.executable, "-I", "-S", "-W", "error"]
    watched = subprocess.run([*alone, "-c", program], cwd=empty, env={}, capture_output=True, text=True)
    plain = subprocess.run([*alone, str(VERIFIER), str(path)], cwd=empty, env={}, capture_output=True, text=True)

    assert (watched.returncode, watched.stderr) == (0, "")
    assert (plain.returncode, plain.stderr) == (0, "")
    assert plain.stdout.endswith("INTACT\n")
    assert list(empty.iterdir()) == []


def test_the_copy_in_the_export_checks_its_own_folder(folder):
    alone = [sys.executable, "-I", "-S", str(folder / "genba_verify.py")]
    assert subprocess.run(alone, capture_output=True, env={}).returncode == INTACT
    (folder / "record.txt").write_text("changed")
    assert subprocess.run(alone, capture_output=True, env={}).returncode == ALTERED


def test_needs_the_standard_library_of_python_3_8_alone():
    tree = ast.parse(VERIFIER.read_text(), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}

    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))
    assert imported <= sys.stdlib_module_names - {"socket", "ssl", "urllib", "http", "subprocess", "ctypes"}


# --- what was flipped


def flips(length: int, count: int) -> list[tuple[int, int]]:
    chance = random.Random(length)
    return [(at, chance.randrange(8)) for at in sorted(chance.sample(range(length), min(count, length)))]


def flipped(raw: bytes, at: int, bit: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]


def test_no_flipped_bit_of_the_zip_passes(raw, tmp_path):
    path = tmp_path / "export.zip"
    passed = [at for at, bit in flips(len(raw), 400) if run(written(path, flipped(raw, at, bit))) == INTACT]

    assert passed == []


@pytest.mark.parametrize("name", FOLDER_FILES)
def test_no_flipped_bit_of_a_file_passes(name, folder):
    path = folder / name
    raw = path.read_bytes()
    passed = [at for at, bit in flips(len(raw), 60) if run(written(path, flipped(raw, at, bit))) == INTACT]

    assert passed == []


@pytest.mark.parametrize("name", EVIDENCE)
def test_no_flipped_bit_of_the_evidence_passes_even_with_a_manifest_to_match(name, folder):
    path = folder / name
    raw, passed = path.read_bytes(), []
    for at, bit in flips(len(raw), 90):
        written(path, flipped(raw, at, bit))
        relisted(folder)
        if run(folder) == INTACT:
            passed.append((at, raw[at - 10 : at + 10]))

    assert passed == []


# --- what was forged: the manifest always matches


def test_a_changed_value_is_named_with_its_line_and_leaf(folder, capsys):
    assert run(forged(folder, "entries.ndjson", b"entry 256", b"entry 257")) == ALTERED
    told = capsys.readouterr().out
    assert "entries.ndjson line 5, leaf 256: the content is not what was sealed; it says id '256'" in told
    assert told.endswith("\nALTERED\n")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"reason":', b'"reasons":', "reason"),
        (b'"xid":"1001"', b'"xid":1001', "xid"),
        (b'"xid":"1001"', b'"xid":"1001","more":"x"', "'more'"),
    ],
)
def test_a_field_that_is_not_right_is_named(old, new, field, folder, capsys):
    assert run(forged(folder, "entries.ndjson", old, new)) == ALTERED
    assert f"entries.ndjson line 1, leaf 0: field {field} " in capsys.readouterr().out


def test_an_entry_left_out_added_or_moved_is_noticed(folder, capsys):
    path = folder / "entries.ndjson"
    entries = path.read_bytes().splitlines(keepends=True)
    for changed in (entries[:-1], entries[1:], [*entries, entries[0]], [entries[1], entries[0], *entries[2:]]):
        path.write_bytes(b"".join(changed))
        relisted(folder)
        assert run(folder) == ALTERED
    path.write_bytes(b"".join(entries[:-1]))
    relisted(folder)
    capsys.readouterr()
    run(folder)
    assert "entries.ndjson: the entry of leaf 299 is missing" in capsys.readouterr().out


def test_an_entry_with_a_leaf_of_its_own_does_not_stand_in_the_log(log, folder, capsys):
    other = Log(300, changes={256: {"reason": "forged"}})
    (folder / "entries.ndjson").write_bytes(b"".join(lines(entry_line(other.entries[index]) for index in RECORD)))
    proofs = inclusion_lines(log.store.tree(), ((index, other.store.leaves[index]) for index in RECORD))
    kept = (folder / "proofs.ndjson").read_bytes().splitlines(keepends=True)[:2]
    (folder / "proofs.ndjson").write_bytes(b"".join([*kept, *lines(proofs)]))
    relisted(folder)

    assert run(folder) == ALTERED
    assert "leaves 256 to 257 do not stand in the log" in capsys.readouterr().out


def test_the_same_entry_cannot_be_shown_twice(folder):
    proofs, entries = folder / "proofs.ndjson", folder / "entries.ndjson"
    proofs.write_bytes(proofs.read_bytes() + proofs.read_bytes().splitlines(keepends=True)[-1])
    entries.write_bytes(entries.read_bytes() + entries.read_bytes().splitlines(keepends=True)[-1])
    relisted(folder)

    assert run(folder) == ALTERED


def test_a_file_added_missing_or_changed_is_named(folder, capsys):
    (folder / "record.txt").write_text("changed")
    (folder / "added.txt").write_text("added")
    (folder / "witness" / "100.txt").unlink()

    assert run(folder) == ALTERED
    told = capsys.readouterr().out
    for words in ("added.txt is not listed", "'witness/100.txt' is missing", "record.txt is not the file"):
        assert words in told


@pytest.mark.parametrize("name", ["entries.ndjson", "proofs.ndjson", "checkpoint.txt", "public_key.txt"])
def test_an_export_without_its_evidence_cannot_be_checked(name, folder, capsys):
    (folder / name).unlink()
    relisted(folder)

    assert run(folder) == UNCHECKED
    assert f"missing: {name}" in capsys.readouterr().out


# --- what is known from elsewhere


def test_the_key_one_was_given_is_the_truth(raw, folder, tmp_path):
    mine = written(tmp_path / "mine.txt", signing_key().public.text.encode() + b"\r\n")
    other = written(tmp_path / "other.txt", signing_key(2).public.text.encode())

    assert run(folder, "--key", mine) == INTACT
    assert run(folder, "--key", other) == ALTERED
    assert run(folder, "--key", written(tmp_path / "none.txt", b"nothing")) == UNCHECKED


@pytest.mark.parametrize("size", [100, 256, 300])
def test_a_checkpoint_seen_elsewhere_agrees(size, log, folder, tmp_path):
    signed = log.note(size)
    mailed = signed.replace(b"\n", b"\r\n").rstrip()
    bare = log.checkpoint(size).text.encode()
    for content in (signed, mailed, bare):
        assert run(folder, "--witness", written(tmp_path / "seen.txt", content)) == INTACT


@pytest.mark.parametrize("secret", [1, 2])
@pytest.mark.parametrize("size", [100, 256, 300])
def test_a_rebuilt_log_does_not_agree_with_what_was_seen(size, secret, log, tmp_path, capsys):
    """Rebuilt whole, signed with the same key (1) or another: by itself it is flawless."""
    rebuilt = Log(300, key=signing_key(secret), changes={40: {"reason": "forged"}})
    path = written(tmp_path / "rebuilt.zip", zipped(rebuilt.files(RECORD, witnesses=[100, 256])))

    assert run(path) == INTACT
    assert run(path, "--witness", written(tmp_path / "seen.txt", log.note(size))) == ALTERED
    assert run(path, "--witness", written(tmp_path / "bare.txt", log.checkpoint(size).text.encode())) == ALTERED
    assert "ALTERED   witness given" in capsys.readouterr().out


def test_a_log_cut_short_does_not_reach_what_was_seen(log, tmp_path, capsys):
    cut = Log(256)
    path = written(tmp_path / "cut.zip", zipped(cut.files(range(250, 256), witnesses=[100])))

    assert run(path) == INTACT
    assert run(path, "--witness", written(tmp_path / "seen.txt", log.note(300))) == UNCHECKED
    assert "no proof from 256 to 300 entries" in capsys.readouterr().out


def test_witnesses_that_prove_nothing_are_not_taken(log, folder, tmp_path):
    for content in (b"", b"nothing", b"\xff\xfe", log.note(200)):  # the last: no proof for its size
        assert run(folder, "--witness", written(tmp_path / "seen.txt", content)) == UNCHECKED
    elsewhere = signing_key(name="other.example").sign(log.checkpoint(256)).encode()
    assert run(folder, "--witness", written(tmp_path / "seen.txt", elsewhere)) == ALTERED
    other_log = log.checkpoint(256).text.replace(ORIGIN, "other.example").encode()
    assert run(folder, "--witness", written(tmp_path / "seen.txt", other_log)) == UNCHECKED
    assert run(folder, "--witness", tmp_path / "absent.txt") == UNCHECKED


# --- the writer


def test_an_export_that_failed_halfway_opens_nowhere(tmp_path):
    output = io.BytesIO()

    def failing():
        yield b"{}\n"
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError, match="went away"):
        write_all(output, [("entries.ndjson", failing())])
    gc.collect()  # zipfile would now write its directory

    assert b"PK\x01\x02" not in output.getvalue()
    assert run(written(tmp_path / "half.zip", output.getvalue())) == UNCHECKED


def test_a_file_is_added_once():
    with pytest.raises(ValueError, match="already"):
        write_all(io.BytesIO(), [("a", []), ("a", [])])


def write_all(output, files) -> None:
    with BundleWriter(output) as bundle:
        for name, chunks in files:
            bundle.add(name, chunks)


def test_an_export_is_written_as_it_comes():
    """Only `write` is asked for, and nothing large is held back."""

    class Stream:
        size = 0

        def write(self, data: bytes) -> None:
            self.size += len(data)

    stream, sizes = Stream(), []

    def chunks():
        for _ in range(20):
            sizes.append(stream.size)
            yield os.urandom(100_000)

    with BundleWriter(stream) as bundle:
        bundle.add("record.bin", chunks())
    assert sizes[-1] > 1_800_000
    assert stream.size > 2_000_000


def test_the_verifier_in_the_export_is_the_one_we_test(folder):
    assert (folder / VERIFIER.name).read_bytes() == VERIFIER.read_bytes()
