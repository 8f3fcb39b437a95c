"""Signed checkpoints of the journal's tree: C2SP tlog-checkpoint inside a C2SP signed-note, Ed25519 (RFC 8032).

    plant.example/journal                          origin: which log
    20852163                                       number of leaves
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=   root of the tree
    time 2026-01-31T08:00:00.000000Z               extension lines, signed like the rest
    (empty line)
    — plant.example/journal Az3grl…                signature: key name, base64 of key id and signature

The key's name is the log's origin. `audit/offline/genba_verify.py` reads the same without Genba; tests hold both to
the same answers.
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from audit.merkle import HASH_SIZE

ED25519 = b"\x01"  # signature type of signed-note
KEY_SIZE = 32
LARGEST_NOTE = 64 * 1024
MOST_SIGNATURES = 64
LARGEST_SIZE = 2**63 - 1


class CheckpointRefused(ValueError):
    """Not a checkpoint, or not one signed by the key it must be signed by."""


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(lines) or any(_has_control(line) for line in lines):
            raise CheckpointRefused("origin and extension lines are single, non-empty lines")
        if not 0 <= self.size <= LARGEST_SIZE or len(self.root) != HASH_SIZE:
            raise CheckpointRefused("a checkpoint needs a size and a root of 32 bytes")

    @property
    def text(self) -> str:
        """What is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    def extension(self, name: str) -> str | None:
        """The value of the extension line `name value`."""
        return next((line[len(name) + 1 :] for line in self.extensions if line.startswith(f"{name} ")), None)


@dataclass(frozen=True)
class PublicKey:
    name: str
    raw: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or _has_control(self.name) or len(self.name.split()) != 1:
            raise CheckpointRefused("a key name has neither spaces nor plus")
        if len(self.raw) != KEY_SIZE:
            raise CheckpointRefused("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    @property
    def text(self) -> str:
        """`name+key id+key`, the form verifiers of signed notes take."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _decode(encoded)
        if raw[:1] != ED25519:
            raise CheckpointRefused("not an Ed25519 public key")
        key = cls(name, raw[1:])
        if key.key_id.hex() != key_id:
            raise CheckpointRefused("the key id does not belong to this key")
        return key

    def has_signed(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """Held by the sealer alone."""

    name: str
    private: Ed25519PrivateKey

    @classmethod
    def parse(cls, name: str, text: str) -> "SigningKey":
        """From PEM (PKCS 8, unencrypted) or the base64 of the 32 secret bytes. What it refuses it does not repeat."""
        if text.lstrip().startswith("-----BEGIN"):
            try:
                private = load_pem_private_key(text.encode(), password=None)
            except (ValueError, TypeError):  # the second: it is encrypted
                raise CheckpointRefused("the signing key is not readable") from None
            if not isinstance(private, Ed25519PrivateKey):
                raise CheckpointRefused("the signing key is no Ed25519 key")
            return cls(name, private)
        try:
            secret = _decode(text.strip())
        except ValueError:
            raise CheckpointRefused("the signing key is neither PEM nor base64") from None
        if len(secret) != KEY_SIZE:
            raise CheckpointRefused("the signing key is no Ed25519 key")
        return cls(name, Ed25519PrivateKey.from_private_bytes(secret))

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, checkpoint: Checkpoint) -> str:
        """The whole note."""
        public = self.public
        signature = base64.b64encode(public.key_id + self.private.sign(checkpoint.text.encode())).decode()
        return f"{checkpoint.text}\n— {public.name} {signature}\n"


def open_checkpoint(note: str | bytes, key: PublicKey) -> Checkpoint:
    """The checkpoint of a note that this key has signed; signatures of others are passed over."""
    text, signatures = _take_apart(_as_text(note))
    ours = [signature for name, key_id, signature in signatures if (name, key_id) == (key.name, key.key_id)]
    if not ours or not all(key.has_signed(text, signature) for signature in ours):
        raise CheckpointRefused(f"not signed by {key.name}")
    return parse_text(text)


def parse_text(text: str) -> Checkpoint:
    """The checkpoint in a note's text, whoever signed it."""
    if not text.endswith("\n"):
        raise CheckpointRefused("the text does not end with a newline")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1], re.A):
        raise CheckpointRefused("not a checkpoint")
    return Checkpoint(lines[0], int(lines[1]), _decode(lines[2]), tuple(lines[3:]))


def _as_text(note: str | bytes) -> str:
    if len(note) > LARGEST_NOTE:
        raise CheckpointRefused("the note is too large")
    try:
        text = note.decode() if isinstance(note, bytes) else note
    except UnicodeDecodeError as reason:
        raise CheckpointRefused("the note is not UTF-8") from reason
    if any(_has_control(line) for line in text.split("\n")):
        raise CheckpointRefused("the note has control characters")
    return text


def _take_apart(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The signed text, and key name, key id and signature of each signature line."""
    text, gap, block = note.rpartition("\n\n")
    if not gap or not block.endswith("\n"):
        raise CheckpointRefused("not a signed note")
    signatures = []
    for line in block[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not parts[1]:
            raise CheckpointRefused("not a signature line")
        signature = _decode(parts[2])
        signatures.append((parts[1], signature[:4], signature[4:]))
    if len(signatures) > MOST_SIGNATURES:
        raise CheckpointRefused("too many signatures")
    return f"{text}\n", signatures


def _has_control(line: str) -> bool:
    return any(unicodedata.category(character) in {"Cc", "Cs"} for character in line)


def _decode(encoded: str) -> bytes:
    """Base64 in its one canonical spelling."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as reason:
        raise CheckpointRefused("not base64") from reason
    if base64.b64encode(raw).decode() != encoded:
        raise CheckpointRefused("not base64")
    return raw
