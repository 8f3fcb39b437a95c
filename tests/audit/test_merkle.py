import base64
import json
import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import merkle
from audit.offline import genba_verify
from tests.audit.trees import Memory, numbered, numbered_leaf, plain_path, plain_root, plain_subproof
from tests.shared import shared

EDGES = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537]


@cache
def plant() -> Memory:
    """One large tree for all sizes: a proof at a smaller size comes from the same tiles."""
    return numbered(66_000)


def decoded(hashes: list[str] | None) -> list[bytes]:
    return [base64.b64decode(found) for found in hashes or []]


# --- published vectors


def vectors() -> dict:
    return json.loads(shared("oracles", "rfc6962_tree_vectors.json").read_text())


def test_published_hashes_and_roots():
    published = vectors()
    leaves = [merkle.leaf_hash(bytes.fromhex(text)) for text in published["leaf_inputs_hex"]]

    assert [leaf.hex() for leaf in leaves] == published["leaf_hashes_hex"]
    assert [merkle.root_of(leaves[:size]).hex() for size in range(9)] == published["root_hash_by_size_hex"]
    assert [Memory(leaves[:size]).tree().root().hex() for size in range(9)] == published["root_hash_by_size_hex"]
    assert merkle.EMPTY_ROOT.hex() == published["hasher"]["empty_root"]
    assert merkle.leaf_hash(b"L123456").hex() == published["hasher"]['leaf("L123456")']
    assert merkle.node_hash(b"N123", b"N456").hex() == published["hasher"]['node("N123","N456")']


def test_published_inclusion_proofs_and_forgeries():
    probes = json.loads(shared("oracles", "rfc6962_inclusion_probes.json").read_text())["probes"]
    wrong = [
        probe["file"]
        for probe in probes
        if merkle.verify_inclusion(
            base64.b64decode(probe["leafHash"]),
            probe["leafIdx"],
            probe["treeSize"],
            decoded(probe["proof"]),
            base64.b64decode(probe["root"]),
        )
        == probe["wantErr"]
    ]

    assert len(probes) == 98
    assert wrong == []


@pytest.mark.parametrize("verify", [merkle.verify_consistency, genba_verify.verify_consistency])
def test_published_consistency_proofs_and_forgeries(verify):
    probes = json.loads(shared("oracles", "rfc6962_consistency_probes.json").read_text())["probes"]
    wrong = [
        probe["file"]
        for probe in probes
        if verify(
            probe["size1"],
            probe["size2"],
            base64.b64decode(probe["root1"]),
            base64.b64decode(probe["root2"]),
            decoded(probe["proof"]),
        )
        == probe["wantErr"]
    ]

    assert len(probes) == 98
    assert wrong == []


# --- against the RFC's own words


@given(count=st.integers(1, 600), data=st.data())
def test_tiles_give_what_the_rfc_says(count, data):
    leaves = [numbered_leaf(number) for number in range(count)]
    index = data.draw(st.integers(0, count - 1))
    old = data.draw(st.integers(1, count))
    tree = Memory(leaves).tree()

    assert tree.root() == merkle.root_of(leaves) == plain_root(leaves)
    assert tree.inclusion_proof(index) == plain_path(index, leaves)
    assert tree.consistency_proof(old) == plain_subproof(old, leaves)


@pytest.mark.parametrize("size", EDGES)
def test_proofs_from_tiles_verify_at_their_edges(size):
    store = plant()
    root = merkle.root_of(store.leaves[:size])
    tree = merkle.TiledTree(store, size)

    assert tree.root() == root
    for index in {0, size // 2, size - 1}:
        proof = tree.inclusion_proof(index)
        assert merkle.verify_inclusion(store.leaves[index], index, size, proof, root)
        assert not merkle.verify_inclusion(numbered_leaf(-1), index, size, proof, root)
        assert not merkle.verify_inclusion(store.leaves[index], index, size, [*proof, root], root)
    for old in {old for old in EDGES if old <= size}:
        proof = tree.consistency_proof(old)
        old_root = merkle.root_of(store.leaves[:old])
        assert merkle.verify_consistency(old, size, old_root, root, proof)
        assert genba_verify.verify_consistency(old, size, old_root, root, proof)
        assert not merkle.verify_consistency(old, size, old_root, numbered_leaf(-1), proof)


@pytest.mark.parametrize("size", [257, 65537])
def test_a_proof_at_an_earlier_size_is_the_same_from_a_grown_tree(size):
    grown = plant().tree()
    then = merkle.TiledTree(numbered(size), size)

    assert grown.root(size) == then.root()
    assert grown.inclusion_proof(size - 1, size) == then.inclusion_proof(size - 1)
    assert grown.consistency_proof(256, size) == then.consistency_proof(256)
    assert grown.range_proof(100, 200, size) == then.range_proof(100, 200)


@given(size=st.integers(1, 66_000), data=st.data())
def test_a_proof_reads_two_tiles_for_eight_levels(size, data):
    store = plant()
    index = data.draw(st.integers(0, size - 1))
    before = store.reads
    merkle.TiledTree(store, size).inclusion_proof(index)

    assert store.reads - before <= 2 * 3


@given(size=st.integers(1, 2_000), data=st.data())
def test_consecutive_leaves_are_proven_together(size, data):
    store = plant()
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, min(size, start + 300)))
    tree = merkle.TiledTree(store, size)
    proof, leaves, root = tree.range_proof(start, end), store.leaves[start:end], tree.root()
    changed = data.draw(st.integers(0, len(leaves) - 1))

    for verify in (merkle.verify_range, offline_verify_range):
        assert verify(leaves, start, size, proof, root)
        assert not verify(leaves, start, size, [*proof, root], root)
        assert not verify(leaves, start, size, proof[:-1], root) or not proof
        assert not verify([*leaves[:changed], numbered_leaf(-1), *leaves[changed + 1 :]], start, size, proof, root)
        assert not verify(leaves, start + 1, size, proof, root)
        assert not verify([], start, size, proof, root)


def offline_verify_range(leaves, start, size, proof, root):
    return genba_verify.verify_range(leaves, start, size, proof, root)


def test_one_leaf_alone_needs_its_audit_path():
    tree = plant().tree()

    assert sorted(tree.range_proof(4711, 4712)) == sorted(tree.inclusion_proof(4711))


# --- growing


@given(parts=st.lists(st.integers(0, 700), max_size=6))
def test_growing_in_parts_is_growing_at_once(parts):
    leaves = [numbered_leaf(number) for number in range(sum(parts))]
    store, tree, done = Memory(), merkle.CompactRange(), 0
    for part in parts:
        appender = merkle.TileAppender.load(store, done)
        appender.extend(leaves[done : done + part])
        store.extend(leaves[done : done + part])
        tree = merkle.CompactRange(tree.size, tree.hashes)
        tree.extend(leaves[done : done + part])
        done += part
        assert appender.root() == tree.root() == merkle.root_of(leaves[:done])
        assert appender.compact().hashes == tree.hashes


def test_tiles_are_those_of_tlog_tiles():
    """The worked example of the specification: a tree of 70,000."""
    widths = list(merkle.edge_tiles(70_000))

    assert widths == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert list(merkle.edge_tiles(256)) == [(1, 0, 1)]
    assert list(merkle.edge_tiles(0)) == []


def test_full_tiles_come_once_and_in_order():
    appender = merkle.TileAppender()
    full = appender.extend(numbered_leaf(number) for number in range(65_536))

    assert [(tile.level, tile.index) for tile in full[:2]] == [(0, 0), (0, 1)]
    assert [(tile.level, tile.index) for tile in full[-2:]] == [(0, 255), (1, 0)]
    assert len(full) == 257
    assert full[-1].hashes == b"".join(merkle.tile_root(tile.hashes) for tile in full[:-1])


def test_a_tile_that_is_too_short_is_told():
    store = numbered(300)
    store.leaves.pop()

    with pytest.raises(merkle.TileMissing, match="tile 0/1"):
        merkle.TiledTree(store, 300).inclusion_proof(299)
    with pytest.raises(merkle.TileMissing):
        merkle.TileAppender.load(store, 300)


def test_nonsense_is_refused():
    tree = numbered(10).tree()
    for wrong in (
        lambda: tree.inclusion_proof(10),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.inclusion_proof(0, 11),
        lambda: tree.consistency_proof(0),
        lambda: tree.consistency_proof(11),
        lambda: tree.range_proof(3, 3),
        lambda: merkle.CompactRange(3, [b"x"]),
        lambda: merkle.tile_root(b"x" * 32),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
            wrong()


def test_a_hundred_thousand_leaves_in_a_second():
    leaves = [numbered_leaf(number) for number in range(20_000)]
    took = []
    for _ in range(3):
        began = time.process_time()
        merkle.TileAppender().extend(leaves)
        took.append(time.process_time() - began)

    assert len(leaves) / min(took) > 100_000
