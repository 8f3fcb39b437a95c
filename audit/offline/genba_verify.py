#!/usr/bin/env python3
"""Checks an export of Genba's audit trail. Needs Python 3.8 or newer and nothing else: no Genba, no network.

    python3 genba_verify.py EXPORT [--key FILE ...] [--witness FILE ...]

EXPORT is the .zip file or the folder it was unpacked to. Checked are:
    manifest      every file has the SHA-256 that manifest.json names; shows damage, not forgery: it is not signed
    checkpoints   checkpoint.txt and witness/*.txt are signed by public_key.txt and are states of one growing log
    entries       every line of entries.ndjson stands in the log of checkpoint.txt, where proofs.ndjson says
    earlier       the same of each folder earlier/NUMBER: a log the plant closed before it began the present one

Whoever made the export chose the key and the log in it. Give what you know from elsewhere:
    --key FILE      the public key you were given; it must be the one in the export. With a log closed under an older
                    key, give that key as well
    --witness FILE  a checkpoint seen elsewhere (mail, print, other machine); taken as the truth

Exit code: 0 intact, 1 altered, 2 cannot be checked.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import stat
import sys
import unicodedata
import zipfile

INTACT, ALTERED, UNCHECKED = 0, 1, 2
MANIFEST, ENTRIES, PROOFS = "manifest.json", "entries.ndjson", "proofs.ndjson"
CHECKPOINT, KEY = "checkpoint.txt", "public_key.txt"
NEEDED = (ENTRIES, PROOFS, CHECKPOINT, KEY)
FORMAT = "genba-export-v1"
EARLIER = re.compile(r"earlier/([1-9][0-9]{0,8})/")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,4}\Z")

# An export may come from anybody: what a hostile one can make this program use.
MOST_FILES, MOST_WITNESSES, MOST_SIGNATURES, MOST_LOGS = 10000, 1000, 64, 100
LARGEST_TEXT, LARGEST_LINE = 64 * 1024, 16 * 1024 * 1024
LARGEST_RATIO, FREE_BYTES = 300, 16 * 1024 * 1024  # unpacked to packed, beyond the free bytes
MOST_DIGITS = 19

MAGIC = b"genba-journal-entry-v1\n"
# fmt: off
FIELDS = (
    "id", "xid", "op", "schema_name", "table_name", "pk", "old", "new", "changed", "actor_id", "actor_type",
    "actor_name", "on_behalf_of", "reason_code", "reason", "request_id", "station", "source", "app_version",
    "db_user", "compliance_flags", "at", "tx_at",
)
# fmt: on


class Altered(Exception):
    """The evidence is not what was sealed."""


class CannotCheck(Exception):
    """Something needed is missing or unreadable."""


# --- Ed25519, RFC 8032 section 5.1; points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def add_points(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply_point(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add_points(result, point)
        point = add_points(point, point)
        scalar >>= 1
    return result


def decode_point(raw):
    """None for what is no point or not the one way to write it (5.1.3)."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def encode_point(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(public_key, message, signature):
    """RFC 8032, 5.1.7, without cofactor; a second form of a valid signature is refused."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, s = decode_point(public_key), int.from_bytes(signature[32:], "little")
    if key is None or s >= ORDER:
        return False
    challenge = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(challenge, "little") % ORDER
    minus_key = (P - key[0], key[1], 1, P - key[3])
    return encode_point(add_points(multiply_point(s, BASE), multiply_point(k, minus_key))) == signature[:32]


# --- The tree: RFC 6962 / RFC 9162 section 2.1
def sha256(content):
    return hashlib.sha256(content).digest()


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def leaf_bytes(entry):
    """Canonical form 1 of a journal entry: each field as its length and its UTF-8 text."""
    parts = [MAGIC]
    for field in FIELDS:
        if entry[field] is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            text = entry[field].encode("utf-8")
            parts += (len(text).to_bytes(4, "big"), text)
    return b"".join(parts)


def root_around(leaves, start, low, high, rest):
    """Root over leaves low..high when leaves start.. are known and `rest` gives, left to right, what lies beside."""
    if high <= start or start + len(leaves) <= low:
        return next(rest)
    if high - low == 1:
        return leaves[low - start]
    middle = low + (1 << (high - low - 1).bit_length() - 1)
    left = root_around(leaves, start, low, middle, rest)
    return node_hash(left, root_around(leaves, start, middle, high, rest))


def verify_range(leaves, start, size, proof, root):
    if not leaves or not 0 <= start <= size - len(leaves):
        return False
    rest = iter(proof)
    try:
        found = root_around(leaves, start, 0, size, rest)
    except StopIteration:
        return False
    return next(rest, None) is None and found == root


def verify_consistency(old, new, old_root, new_root, proof):
    """RFC 9162, 2.1.4.2."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    if not path:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


# --- Reading: every surprise is Altered
def decode_base64(text):
    """Only the canonical spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise Altered("not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Altered("not base64")
    return raw


def decode_hashes(texts):
    hashes = [decode_base64(text) for text in texts] if isinstance(texts, list) else [b""]
    if any(len(found) != 32 for found in hashes):
        raise Altered("not a list of hashes")
    return hashes


def read_json(raw):
    def once(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name twice")
        return found

    def small(digits):
        if len(digits) > MOST_DIGITS:
            raise ValueError("a number too large")
        return int(digits)

    def never(_text):
        raise ValueError("a number that is not whole")

    try:
        text = raw.decode("utf-8")
        return json.loads(text, object_pairs_hook=once, parse_int=small, parse_float=never, parse_constant=never)
    except (ValueError, RecursionError):
        raise Altered("not valid JSON") from None


def is_line(text):
    return bool(text) and not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def parse_key(raw):
    """`name+key id+base64` of a signed-note key: (name, key id, 32 bytes)."""
    parts = raw.decode("utf-8", "replace").rstrip("\r\n").split("+", 2)
    key = decode_base64(parts[-1])
    if len(parts) != 3 or len(key) != 33 or key[:1] != b"\x01" or not is_line(parts[0]) or len(parts[0].split()) != 1:
        raise Altered("not an Ed25519 public key")
    key_id = sha256(parts[0].encode("utf-8") + b"\n" + key)[:4]
    if key_id.hex() != parts[1]:
        raise Altered("the key id does not belong to this key")
    return parts[0], key_id, key[1:]


def parse_note(raw):
    """(text, [(key name, key id, signature)]) of a signed note; no signatures if it is the bare text."""
    try:
        note = raw.decode("utf-8")
    except ValueError:
        raise Altered("not UTF-8") from None
    text, gap, block = note.rpartition("\n\n")
    if not gap:
        return note, []
    signatures: list = []
    for line in block.split("\n")[:-1] if block.endswith("\n") else [""]:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or not is_line(parts[1]) or len(signatures) == MOST_SIGNATURES:
            raise Altered("not a signature line")
        signature = decode_base64(parts[2])
        signatures.append((parts[1], signature[:4], signature[4:]))
    return text + "\n", signatures


def parse_checkpoint(text):
    """(origin, size, root, epoch) of a checkpoint's text; an epoch is one log of the origin."""
    lines = text.split("\n")
    if (
        len(lines) < 4
        or lines.pop()
        or not all(map(is_line, lines))
        or not re.match(r"(0|[1-9][0-9]{0,18})\Z", lines[1])
    ):
        raise Altered("not a checkpoint")
    root = decode_base64(lines[2])
    if len(root) != 32 or int(lines[1]) >= 2**63:
        raise Altered("not a checkpoint")
    epochs = [line[6:] for line in lines[3:] if line.startswith("epoch ")]
    return lines[0], int(lines[1]), root, epochs[0] if epochs else None


def open_checkpoint(raw, key):
    """The checkpoint, if this key has signed it."""
    text, signatures = parse_note(raw)
    checkpoint = parse_checkpoint(text)
    ours = [signature for name, key_id, signature in signatures if (name, key_id) == key[:2]]
    if not ours or not all(ed25519_verify(key[2], text.encode("utf-8"), signature) for signature in ours):
        raise Altered("not signed by " + ascii(key[0]))
    return checkpoint


def open_given(raw, key):
    """A witness from outside: mail and print may have changed its line ends, and the bare text is enough."""
    raw = raw.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    try:
        text, signatures = parse_note(raw)
        checkpoint = parse_checkpoint(text)
    except Altered as reason:
        raise CannotCheck(reason) from None
    return open_checkpoint(raw, key) if signatures else checkpoint


# --- The export: a folder or a zip file, read in place
class Folder:
    def __init__(self, path):
        self.path, self.names = path, checked_names(self.walk(path))

    @staticmethod
    def walk(path):
        for folder, inner, files in os.walk(path):
            for name in inner + files:
                mode = os.lstat(os.path.join(folder, name)).st_mode
                relative = os.path.relpath(os.path.join(folder, name), path).replace(os.sep, "/")
                if stat.S_ISREG(mode):
                    yield relative
                elif not stat.S_ISDIR(mode):
                    raise CannotCheck("neither file nor folder: " + ascii(relative))

    def open(self, name):
        return open(os.path.join(self.path, *name.split("/")), "rb")


class Within:
    """One folder of an export, as if it were the whole."""

    def __init__(self, bundle, folder):
        self.bundle, self.folder = bundle, folder
        self.names = {name[len(folder) :] for name in bundle.names if name.startswith(folder)}

    def open(self, name):
        return self.bundle.open(self.folder + name)


def logs_in(bundle):
    """(where, epoch it must be of, files): the log of the export, then those closed before it."""
    matches = [EARLIER.match(name) for name in bundle.names if name.startswith("earlier/")]
    found = {int(match.group(1)) for match in matches if match}
    if not all(matches) or len(found) > MOST_LOGS:
        raise CannotCheck(f"a folder of an earlier log that none has, or more than {MOST_LOGS}")
    earlier = [(f"earlier/{number}/", str(number)) for number in sorted(found)]
    return [("", None, bundle)] + [(folder, epoch, Within(bundle, folder)) for folder, epoch in earlier]


class Zip:
    """The comment at its end is `sha256:` and the digest of all before the comment's text."""

    def __init__(self, path):
        check_seal(path)
        try:
            self.archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            raise CannotCheck("not a readable zip file") from None
        members = self.archive.infolist()
        self.names = checked_names(member.orig_filename for member in members)
        self.members = {member.orig_filename: member for member in members}
        for member in members:
            if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise CannotCheck("encrypted or packed in an unknown way: " + ascii(member.orig_filename))
        unpacked = sum(member.file_size for member in members)
        if unpacked > os.path.getsize(path) * LARGEST_RATIO + FREE_BYTES:
            raise CannotCheck(f"unpacks to {unpacked} bytes, far more than an export would")

    def open(self, name):  # zipfile never gives more than file_size bytes, which are counted above
        return self.archive.open(self.members[name])


def check_seal(path):
    size, digest = os.path.getsize(path), hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(max(0, size - 71))
        seal = file.read()
        file.seek(0)
        for at in range(0, size - 71, 1 << 20):
            digest.update(file.read(min(1 << 20, size - 71 - at)))
    if not re.match(rb"sha256:[0-9a-f]{64}\Z", seal):
        raise CannotCheck("not a zip file as Genba writes it; if it was packed again, unpack it and give the folder")
    if seal[7:].decode() != digest.hexdigest():
        raise Altered("the zip file is not the one that was written")


def checked_names(names):
    """The names as a set; some systems take "A" and "a" for the same file."""
    found = {}
    for name in names:
        if not NAME.match(name) or name.lower() in found:
            raise CannotCheck("a file name no export has, or twice: " + ascii(name)[:200])
        found[name.lower()] = name
        if len(found) > MOST_FILES:
            raise CannotCheck(f"more than {MOST_FILES} files")
    return set(found.values())


def read_small(bundle, name, most=LARGEST_TEXT):
    with bundle.open(name) as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise CannotCheck(name + " is too large")
    return raw


def lines_of(bundle, name):
    with bundle.open(name) as file:
        while True:
            line = file.readline(LARGEST_LINE + 1)
            if not line:
                return
            if len(line) > LARGEST_LINE or not line.endswith(b"\n"):
                raise Altered(name + ": a line without end")
            yield line


# --- The checks
class Report:
    def __init__(self):
        self.code, self.place = INTACT, ""

    def ok(self, text):
        print("ok        " + self.place + text)

    def note(self, text):
        print("note      " + self.place + text)

    def altered(self, text):
        self.code = ALTERED
        print("ALTERED   " + self.place + text)

    def unchecked(self, text):
        self.code = self.code or UNCHECKED
        print("UNCHECKED " + self.place + text)

    def attempt(self, what, check, *arguments):
        """The check's answer, or None when it failed, which is then said."""
        try:
            return check(*arguments)
        except Altered as reason:
            self.altered(f"{what}: {reason}")
        except (CannotCheck, EOFError, OSError, RuntimeError, zipfile.BadZipFile) as reason:
            self.unchecked(f"{what}: {ascii(str(reason))[1:-1]}")
        except Exception as reason:  # a file no one thought of must not read as "altered", nor as intact
            self.unchecked(f"{what}: unreadable ({type(reason).__name__})")
        return None


def check_manifest(bundle, report):
    raw = read_small(bundle, MANIFEST, MOST_FILES * 700)
    manifest = read_json(raw)
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != FORMAT
        or not isinstance(manifest.get("files"), dict)
    ):
        raise CannotCheck("not the manifest of a " + FORMAT)
    counts = manifest.get("counts", {})
    if (
        raw != (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
        or set(manifest) - {"format", "files", "counts"}
        or not isinstance(counts, dict)
        or not all(type(count) is int for count in counts.values())
    ):
        raise Altered("not written as Genba writes it")
    files = manifest["files"]
    for name in sorted(bundle.names - {MANIFEST} - set(files)):
        report.altered(f"manifest: {name} is not listed")
    for name in sorted(files):
        if name not in bundle.names:
            report.altered(f"manifest: {name!a} is missing")
        elif file_digest(bundle, name) != files[name]:
            report.altered(f"manifest: {name} is not the file that was exported")
    if report.code == INTACT:
        report.ok(f"manifest: {len(files)} files")


def file_digest(bundle, name):
    digest = hashlib.sha256()
    with bundle.open(name) as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def check_key(bundle, trusted, is_earlier, report):
    key = parse_key(read_small(bundle, KEY))
    fingerprint = f"{key[0]!a}, SHA-256 {sha256(key[2]).hex()}"
    if not trusted:
        report.note("key: came with the export; compare it with the one you were given: " + fingerprint)
    elif key not in trusted and is_earlier:
        raise CannotCheck("not one you were given; give the older key of the plant as well: " + fingerprint)
    elif key not in trusted:
        raise Altered("not the one you were given")
    else:
        report.ok("key: the one you were given: " + fingerprint)
    return key


def check_checkpoint(bundle, key, epoch, report):
    checkpoint = open_checkpoint(read_small(bundle, CHECKPOINT), key)
    if epoch is not None and checkpoint[3] != epoch:
        raise Altered("not of epoch " + epoch)
    if checkpoint[1] == 0 and checkpoint[2] != sha256(b""):
        raise Altered("an empty log with a root")
    report.ok(f"checkpoint: {checkpoint[0]!a}, {checkpoint[1]} entries, signed by the key")
    return checkpoint


def check_witness(what, opened, checkpoint, consistency, report):
    """One log grew from the smaller of two checkpoints to the larger."""
    witness = opened()
    if witness[0] != checkpoint[0]:
        raise CannotCheck("of another log: " + ascii(witness[0]))
    if witness[3] != checkpoint[3]:
        raise CannotCheck("of another epoch, which is not in this export: " + ascii(witness[3]))
    old, new = sorted((witness, checkpoint), key=lambda found: found[1])
    if old[1] == new[1] and old[2] != new[2]:
        raise Altered(f"another log of the same {old[1]} entries")
    if old[1] == 0 and old[2] != sha256(b""):
        raise Altered("an empty log with a root")
    if 0 < old[1] < new[1]:
        if (old[1], new[1]) not in consistency:
            raise CannotCheck(f"the export holds no proof from {old[1]} to {new[1]} entries; ask for one that does")
        if not verify_consistency(old[1], new[1], old[2], new[2], consistency[old[1], new[1]]):
            raise Altered(f"the log of {old[1]} entries is not the beginning of the one of {new[1]}")
    report.ok(f"{what}: {witness[1]} entries, one log with the checkpoint")


def check_witnesses(bundle, given, key, checkpoint, report):
    consistency = report.attempt("proofs", consistency_proofs, bundle)
    inside = sorted(name for name in bundle.names if name.startswith("witness/"))
    if consistency is None or len(inside) > MOST_WITNESSES:
        raise CannotCheck(f"no usable proofs, or more than {MOST_WITNESSES}")
    found = [(name, lambda name=name: open_checkpoint(read_small(bundle, name), key)) for name in inside]
    found += [("given " + ascii(path), lambda raw=raw: open_given(raw, key)) for path, raw in given]
    for what, opened in found:
        report.attempt("witness " + what, check_witness, "witness " + what, opened, checkpoint, consistency, report)


def parse_entry(line):
    """The leaf hash of an entry's line."""
    entry = read_json(line)
    if not isinstance(entry, dict):
        raise Altered("not an entry")
    for field in FIELDS:
        if field not in entry or not (entry[field] is None or isinstance(entry[field], str)):
            raise Altered(f"field {field} is missing or not text")
    for field in sorted(set(entry) - set(FIELDS)):
        raise Altered(f"field {ascii(field)[:100]} is unknown")
    try:
        return sha256(b"\x00" + leaf_bytes(entry)), entry
    except UnicodeEncodeError:
        raise Altered("text that is not Unicode") from None


def read_proofs(bundle):
    """Each line: ("consistency", from, to, hashes) or ("entries", start, leaves, hashes)."""
    for number, line in enumerate(lines_of(bundle, PROOFS), 1):
        where = f"{PROOFS} line {number}: "
        proof = read_json(line)
        names = sorted(proof) if isinstance(proof, dict) else []
        try:
            if names == ["from", "hashes", "to"] and type(proof["from"]) is int and type(proof["to"]) is int:
                yield "consistency", proof["from"], proof["to"], decode_hashes(proof["hashes"])
            elif names == ["hashes", "leaves", "start"] and type(proof["start"]) is int:
                yield "entries", proof["start"], decode_hashes(proof["leaves"]), decode_hashes(proof["hashes"])
            else:
                raise Altered("not a proof")
        except Altered as reason:
            raise Altered(where + str(reason)) from None


def consistency_proofs(bundle):
    proofs = {}
    for kind, old, new, hashes in read_proofs(bundle):
        if kind != "consistency":
            break  # they come first
        proofs[old, new] = hashes
        if len(proofs) > 2 * MOST_WITNESSES:
            raise CannotCheck("too many consistency proofs")
    return proofs


def check_entries(bundle, checkpoint, report):
    lines = enumerate(lines_of(bundle, ENTRIES), 1)
    number, following = 0, 0
    for kind, start, leaves, hashes in read_proofs(bundle):
        if kind == "consistency":
            continue
        if start < following:
            raise Altered(f"{PROOFS}: leaf {start} comes twice or out of order")
        for index, leaf in enumerate(leaves, start):
            number, line = next(lines, (0, b""))
            if not number:
                raise Altered(f"{ENTRIES}: the entry of leaf {index} is missing")
            check_entry(line, leaf, f"{ENTRIES} line {number}, leaf {index}: ")
        if not verify_range(leaves, start, checkpoint[1], hashes, checkpoint[2]):
            last = start + len(leaves) - 1
            raise Altered(f"{PROOFS}: leaves {start} to {last} do not stand in the log of the checkpoint")
        following = start + len(leaves)
    for extra, _line in lines:
        raise Altered(f"{ENTRIES} line {extra}: an entry without a proof")
    report.ok(f"entries: {number}, each in the log of {checkpoint[1]}")


def check_entry(line, leaf, where):
    try:
        found, entry = parse_entry(line)
    except Altered as reason:
        raise Altered(where + str(reason)) from None
    if found != leaf:
        named = ", ".join(f"{field} {ascii(entry[field])[:80]}" for field in ("id", "table_name", "pk"))
        raise Altered(where + "the content is not what was sealed; it says " + named)


def check(bundle, trusted, witnesses, report):
    report.attempt("manifest", check_manifest, bundle, report)
    logs = report.attempt("earlier", logs_in, bundle) or []
    here = {epoch for _place, epoch, _log in logs}
    for place, epoch, log in logs:
        report.place = place
        theirs = [(path, raw) for path, raw in witnesses if epoch_of(raw, here) == epoch]
        check_log(log, trusted, epoch, theirs, report)
    report.place = ""


def check_log(bundle, trusted, epoch, witnesses, report):
    missing = [name for name in NEEDED if name not in bundle.names]
    if missing:
        report.unchecked("missing: " + ", ".join(missing))
        return
    key = report.attempt("key", check_key, bundle, trusted, epoch is not None, report)
    checkpoint = key and report.attempt("checkpoint", check_checkpoint, bundle, key, epoch, report)
    if not checkpoint:
        return
    report.attempt("witnesses", check_witnesses, bundle, witnesses, key, checkpoint, report)
    report.attempt("entries", check_entries, bundle, checkpoint, report)


def epoch_of(raw, known):
    """Which log to compare a given witness with: the one it says it is of, else the log of the export."""
    found = re.search(rb"^epoch ([0-9]+)\r?$", raw, re.M)
    epoch = found.group(1).decode() if found else None
    return epoch if epoch in known else None


def read_given(path):
    with open(path, "rb") as file:
        return file.read(LARGEST_TEXT)


def given_key(path):
    try:
        return parse_key(read_given(path))
    except Altered as reason:
        raise CannotCheck(f"{path}: {reason}") from None


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--key", metavar="FILE", action="append", default=[])
    parser.add_argument("--witness", metavar="FILE", action="append", default=[])
    options = parser.parse_args(arguments)
    report = Report()

    def everything():
        trusted = [given_key(path) for path in options.key]
        witnesses = [(path, read_given(path)) for path in options.witness]
        bundle = Folder(options.export) if os.path.isdir(options.export) else Zip(options.export)
        check(bundle, trusted, witnesses, report)

    report.attempt("export", everything)
    print({INTACT: "INTACT", ALTERED: "ALTERED", UNCHECKED: "CANNOT BE CHECKED"}[report.code])
    return report.code


if __name__ == "__main__":
    sys.exit(main())
