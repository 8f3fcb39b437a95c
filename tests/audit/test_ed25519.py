"""The verifier's own Ed25519: the vectors of RFC 8032, agreement with `cryptography`, no second form accepted."""

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.offline.genba_verify import ORDER, P, decode_point, ed25519_verify, encode_point

# RFC 8032, 7.1: secret key, public key, message, signature
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


def openssl_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_vectors_of_the_rfc(secret, public, message, signature):
    secret, public, message, signature = map(bytes.fromhex, (secret, public, message, signature))
    private = Ed25519PrivateKey.from_private_bytes(secret)

    assert private.public_key().public_bytes_raw() == public
    assert private.sign(message) == signature  # the vector is copied right
    assert ed25519_verify(public, message, signature)
    assert not ed25519_verify(public, message + b"x", signature)


@settings(max_examples=40, deadline=None)
@given(secret=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), bit=st.integers(0, 511))
def test_agrees_with_cryptography(secret, message, bit):
    private = Ed25519PrivateKey.from_private_bytes(secret)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8

    assert ed25519_verify(public, message, signature)
    assert ed25519_verify(public, message, bytes(flipped)) is openssl_verify(public, message, bytes(flipped)) is False


@pytest.mark.parametrize("times", [1, 2, 7])
def test_s_above_the_order_is_refused(times):
    """The equation holds for s + L too; accepting it would give each signature a second form."""
    public, message, signature = (bytes.fromhex(text) for text in VECTORS[2][1:])
    s = int.from_bytes(signature[32:], "little") + times * ORDER
    second = signature[:32] + s.to_bytes(32, "little")

    assert not ed25519_verify(public, message, second)
    assert not openssl_verify(public, message, second)


@pytest.mark.parametrize("y", [P, P + 1, P + 18, 2**255 - 1])
def test_coordinates_above_the_prime_are_refused(y):
    for sign in (0, 1):
        assert decode_point((y | sign << 255).to_bytes(32, "little")) is None


def test_minus_zero_and_points_off_the_curve_are_refused():
    assert decode_point((1).to_bytes(32, "little")) == (0, 1, 1, 0)
    assert decode_point((1 | 1 << 255).to_bytes(32, "little")) is None
    assert decode_point((2).to_bytes(32, "little")) is None


@given(st.binary(min_size=32, max_size=32))
def test_a_point_has_one_spelling(raw):
    point = decode_point(raw)

    assert point is None or encode_point(point) == raw


def test_a_commitment_spelled_differently_is_refused():
    """R is compared as bytes: with the neutral element as key and s = 0, R must be its one canonical spelling."""
    neutral = (1).to_bytes(32, "little")
    respelled = (P + 1).to_bytes(32, "little")

    assert ed25519_verify(neutral, b"any", neutral + bytes(32))
    assert not ed25519_verify(neutral, b"any", respelled + bytes(32))


@pytest.mark.parametrize(("key", "signature"), [(b"", bytes(64)), (bytes(31), bytes(64)), (bytes(32), bytes(63))])
def test_wrong_lengths_are_refused(key, signature):
    assert not ed25519_verify(key, b"", signature)
