import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from audit.checkpoint import Checkpoint, CheckpointRefused, PublicKey, SigningKey, open_checkpoint, parse_text
from audit.offline import genba_verify
from tests.audit.exports import ORIGIN, signing_key

ROOT = bytes(range(32))
CHECKPOINT = Checkpoint(ORIGIN, 20852163, ROOT, ("time 2026-01-31T08:00:00.000000Z", "horizon 1001"))
# The example of the C2SP specification of checkpoints.
PUBLISHED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE"
    "+xeMcTOAYQ8=\n"
)


def both(note: str | bytes, key: PublicKey) -> Checkpoint | None:
    """What the application and the verifier say; they must agree."""
    raw = note.encode() if isinstance(note, str) else note
    try:
        ours = open_checkpoint(raw, key)
    except CheckpointRefused:
        ours = None
    try:
        theirs = genba_verify.open_checkpoint(raw, genba_verify.parse_key(key.text.encode()))
    except genba_verify.Altered:
        theirs = None
    assert (ours and (ours.origin, ours.size, ours.root, ours.extension("epoch"))) == theirs
    return ours


def test_the_note_never_changes():
    """Golden: Ed25519 is deterministic, so the whole note is."""
    key = signing_key()

    assert key.sign(CHECKPOINT) == (
        "plant.example/journal\n"
        "20852163\n"
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        "time 2026-01-31T08:00:00.000000Z\n"
        "horizon 1001\n"
        "\n"
        "— plant.example/journal "
        "KDPZGLtQ2M89CPAqUusa1+qSZsUQvRmvUd1Lejo4CKXrLVGjXQfgvuEnzuxrIxGy3NiUKLonhuzzCA3OgNTFrGaNYgo=\n"
    )
    assert key.public.text == "plant.example/journal+2833d918+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"


def test_what_was_signed_is_read_again():
    key = signing_key()
    found = both(key.sign(CHECKPOINT), key.public)

    assert found == CHECKPOINT
    assert found.extension("horizon") == "1001"
    assert found.extension("hor") is None
    assert PublicKey.parse(key.public.text + "\n") == key.public


def test_the_published_example_is_read():
    text = PUBLISHED.partition("\n\n")[0] + "\n"

    assert parse_text(text).size == 20852163
    assert parse_text(text).text == text
    assert genba_verify.parse_note(PUBLISHED.encode())[0] == text


def test_signatures_of_others_are_passed_over_and_never_enough():
    key, other, namesake = signing_key(), signing_key(2, "witness.example"), signing_key(3)
    block = {signer: signer.sign(CHECKPOINT).rpartition("\n\n")[2] for signer in (key, other, namesake)}
    text = CHECKPOINT.text

    assert both(f"{text}\n{block[other]}{block[namesake]}{block[key]}", key.public) == CHECKPOINT
    assert both(f"{text}\n{block[other]}{block[namesake]}", key.public) is None


def test_one_bad_signature_of_the_key_spoils_the_note():
    key = signing_key()
    good = key.sign(CHECKPOINT)
    forged = base64.b64encode(key.public.key_id + bytes(64)).decode()

    assert both(f"{good}— {ORIGIN} {forged}\n", key.public) is None


def test_every_flipped_byte_is_noticed():
    key = signing_key()
    note = key.sign(CHECKPOINT).encode()
    for at in range(len(note)):
        assert both(note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :], key.public) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n1\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()}",
        f"{ORIGIN}\n01\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n-1\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n+1\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n1 \n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n١\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n9223372036854775808\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT[:-1]).decode()}\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()[:-1]}\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()}\n\nafter a gap\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode().replace('8=', '9=')}\n",  # the same bytes, spelled differently
        f"\n1\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()}\ntab\there\n",
    ],
)
def test_what_is_no_checkpoint_is_refused_even_when_signed(text):
    key = signing_key()
    signature = base64.b64encode(key.public.key_id + key.private.sign(text.encode())).decode()

    assert both(f"{text}\n— {ORIGIN} {signature}\n", key.public) is None
    with pytest.raises(CheckpointRefused):
        parse_text(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "two\nlines"},
        {"origin": ""},
        {"extensions": ("",)},
        {"extensions": ("fine", "two\nlines")},
        {"size": -1},
        {"size": 2**63},
        {"root": b"short"},
    ],
)
def test_a_checkpoint_that_would_read_differently_is_never_made(wrong):
    with pytest.raises(CheckpointRefused):
        Checkpoint(**{"origin": ORIGIN, "size": 1, "root": ROOT, "extensions": ()} | wrong)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nbreak", "full\u3000width"])
def test_key_names_that_do_not_fit_a_line_are_refused(name):
    with pytest.raises(CheckpointRefused):
        PublicKey(name, bytes(32))


def test_a_note_larger_than_any_is_refused():
    with pytest.raises(CheckpointRefused, match="too large"):
        open_checkpoint("x" * 70_000, signing_key().public)


def test_a_key_is_pem_or_base64():
    key = signing_key()
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    assert SigningKey.parse(ORIGIN, pem).public == key.public
    assert SigningKey.parse(ORIGIN, base64.b64encode(bytes([1]) * 32).decode() + "\n").public == key.public


def test_what_is_no_usable_key_is_refused_without_showing_it():
    elliptic = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    locked = signing_key().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    for text in ("", "secret", "c2VjcmV0", "ÿþ", elliptic.decode(), locked.decode(), "-----BEGIN x"):
        with pytest.raises(CheckpointRefused) as refused:
            SigningKey.parse(ORIGIN, text)
        assert "signing key" in str(refused.value)
        assert not text or text not in str(refused.value)


@pytest.mark.parametrize("text", ["", "name", "name+00000000+AAAA", "name+zz"])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(CheckpointRefused):
        PublicKey.parse(text)
    with pytest.raises(genba_verify.Altered):
        genba_verify.parse_key(text.encode())


def test_a_public_key_with_the_id_of_another_is_refused():
    mine, other = signing_key().public, signing_key(2).public
    mixed = mine.text.replace(mine.key_id.hex(), other.key_id.hex())

    with pytest.raises(CheckpointRefused, match="key id"):
        PublicKey.parse(mixed)
    with pytest.raises(genba_verify.Altered, match="key id"):
        genba_verify.parse_key(mixed.encode())
