"""The Merkle tree over sealed journal entries: RFC 6962 section 2.1 hashing, RFC 9162 section 2.1 proofs.

The tree is kept as tiles (C2SP tlog-tiles): the hashes of tree level 8*l, 256 to a tile. A full tile never changes.
The tile at the right edge of a level is not stored but known from the level below it: at level 0 the leaf hashes
since the last full tile, above it the roots of the full tiles since the last full tile there. So the tree grows by
inserts alone, and a proof reads at most two tiles for every eight levels.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_SIZE
EMPTY_ROOT = hashlib.sha256(b"").digest()  # RFC 9162, 2.1.1

_sha256 = hashlib.sha256


class TileStore(Protocol):
    """Where tiles are read from."""

    def get(self, level: int, index: int) -> bytes:
        """The hashes known of this tile, joined: 256 of them in a full one, fewer at the right edge."""
        ...


class TileMissing(Exception):
    """The store knows fewer hashes of a tile than the size of the tree promises."""


@dataclass(frozen=True)
class Tile:
    level: int
    index: int
    hashes: bytes


def leaf_hash(content: bytes) -> bytes:
    """RFC 9162, 2.1.1: a leaf begins with 0x00, so that a node never passes as one."""
    return _sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162, 2.1.1: a node begins with 0x01."""
    return _sha256(b"\x01" + left + right).digest()


def split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]


def _largest_power_below(count: int) -> int:
    """The k of RFC 9162, 2.1.1: the largest power of two smaller than `count` (> 1)."""
    return 1 << (count - 1).bit_length() - 1


def _full_root(hashes: list[bytes]) -> bytes:
    """Root of a full subtree: 1, 2, 4, 8 ... hashes."""
    while len(hashes) > 1:
        hashes = [_sha256(b"\x01" + hashes[at] + hashes[at + 1]).digest() for at in range(0, len(hashes), 2)]
    return hashes[0]


def tile_root(hashes: bytes) -> bytes:
    """What a full tile is in the tile above it."""
    if len(hashes) != TILE_BYTES:
        raise ValueError("only a full tile has a place in the level above")
    return _full_root(split(hashes))


class CompactRange:
    """A tree as the roots of its full subtrees, largest first: at most 64 hashes, enough to grow it and know its root.

    For whoever passes over all leaves and keeps none of them.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} full subtrees, not {len(self.hashes)}")

    def append(self, leaf: bytes) -> None:
        position, hashes = self.size, self.hashes
        while position & 1:
            leaf = _sha256(b"\x01" + hashes.pop() + leaf).digest()
            position >>= 1
        hashes.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """RFC 9162, 2.1.1: the full subtrees joined from the right."""
        if not self.hashes:
            return EMPTY_ROOT
        *left, root = self.hashes
        for subtree in reversed(left):
            root = _sha256(b"\x01" + subtree + root).digest()
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """RFC 9162, 2.1.1: the root over these leaf hashes."""
    tree = CompactRange()
    tree.extend(leaves)
    return tree.root()


class TileAppender:
    """Grows a tiled tree: takes leaf hashes, hands out each tile when it is full, knows the root at any moment.

    What it holds is the right edge, at most 255 hashes for every eight levels.
    """

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        self.size = size
        self.edge = [split(hashes) for hashes in edge]

    @classmethod
    def load(cls, store: TileStore, size: int) -> "TileAppender":
        """The appender of a stored tree: reads one tile for every eight levels."""
        edge = [b""] * _tile_levels(size)
        for level, index, width in edge_tiles(size):
            edge[level] = _prefix(store, level, index, width)
        return cls(size, edge)

    def extend(self, leaves: Iterable[bytes]) -> list[Tile]:
        """The tiles that became full, lower levels first where one fills the other."""
        full: list[Tile] = []
        for leaf in leaves:
            self._append(leaf, full)
        return full

    def _append(self, found: bytes, full: list[Tile]) -> None:
        self.size += 1
        for level in range(64):
            if level == len(self.edge):
                self.edge.append([])
            hashes = self.edge[level]
            hashes.append(found)
            if len(hashes) < TILE_WIDTH:
                return
            index = (self.size >> TILE_HEIGHT * (level + 1)) - 1
            full.append(Tile(level, index, b"".join(hashes)))
            found = _full_root(hashes)
            self.edge[level] = []

    def root(self) -> bytes:
        return self.compact().root()

    def compact(self) -> CompactRange:
        """The same tree as a compact range."""
        subtrees: list[bytes] = []
        for hashes in reversed(self.edge):
            at = 0
            for bit in reversed(range(TILE_HEIGHT)):
                if len(hashes) & 1 << bit:
                    subtrees.append(_full_root(hashes[at : at + (1 << bit)]))
                    at += 1 << bit
        return CompactRange(self.size, subtrees)


def _tile_levels(size: int) -> int:
    return -(-size.bit_length() // TILE_HEIGHT)


def edge_tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """Level, index and width of the partial tiles of a tree, as C2SP tlog-tiles counts them."""
    for level in range(_tile_levels(size)):
        index, width = divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)
        if width:
            yield level, index, width


def _prefix(store: TileStore, level: int, index: int, width: int) -> bytes:
    """The first hashes of a tile; in a tree that has grown since it may hold more."""
    hashes = store.get(level, index)
    if len(hashes) < width * HASH_SIZE or len(hashes) > TILE_BYTES or len(hashes) % HASH_SIZE:
        raise TileMissing(f"tile {level}/{index} has {len(hashes)} bytes, {width} hashes are needed")
    return hashes[: width * HASH_SIZE]


class TiledTree:
    """Roots and proofs of a stored tree at any size it ever had."""

    TILES_KEPT = 512  # 4 MB; what neighbouring proofs share is read once

    def __init__(self, store: TileStore, size: int) -> None:
        self.size = size
        self._store = store
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self, size: int | None = None) -> bytes:
        size = self._within(self.size if size is None else size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """PATH(m, D[n]) of RFC 9162, 2.1.3.1: from the leaf up."""
        high = self._within(self.size if size is None else size)
        if not 0 <= index < high:
            raise ValueError(f"no leaf {index} in a tree of {high}")
        low, path = 0, []
        while high - low > 1:
            middle = low + _largest_power_below(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency_proof(self, old: int, size: int | None = None) -> list[bytes]:
        """PROOF(m, D[n]) of RFC 9162, 2.1.4.1; empty between equal sizes."""
        high = self._within(self.size if size is None else size)
        if not 0 < old <= high:
            raise ValueError(f"no tree of {old} leaves within one of {high}")
        low, whole, path = 0, True, []
        while old < high:
            middle = low + _largest_power_below(high - low)
            if old <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low, whole = middle, False
        if not whole:
            path.append(self._range(low, high))
        return path[::-1]

    def range_proof(self, start: int, end: int, size: int | None = None) -> list[bytes]:
        """For consecutive leaves together: the roots of what lies beside them, from left to right."""
        size = self._within(self.size if size is None else size)
        if not 0 <= start < end <= size:
            raise ValueError(f"no leaves {start} to {end} in a tree of {size}")
        proof, open_ranges = [], [(0, size)]
        while open_ranges:
            low, high = open_ranges.pop()
            if high <= start or end <= low:
                proof.append(self._range(low, high))
            elif low < start or end < high:
                middle = low + _largest_power_below(high - low)
                open_ranges += ((middle, high), (low, middle))
        return proof

    def _within(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} leaves, not {size}")
        return size

    def _range(self, low: int, high: int) -> bytes:
        """MTH(D[low:high]) of RFC 9162, 2.1.1, for ranges that are subtrees."""
        count = high - low
        if count & (count - 1) == 0:
            return self._node(count.bit_length() - 1, low)
        middle = low + _largest_power_below(count)
        return node_hash(self._range(low, middle), self._range(middle, high))

    def _node(self, height: int, low: int) -> bytes:
        """Root of the full subtree of 2**height leaves that begins at leaf `low`."""
        level, row = divmod(height, TILE_HEIGHT)
        index, at = divmod(low >> TILE_HEIGHT * level, TILE_WIDTH)
        hashes = self._tile(level, index)[at * HASH_SIZE : (at + (1 << row)) * HASH_SIZE]
        return _full_root(split(hashes))

    def _tile(self, level: int, index: int) -> bytes:
        if (level, index) not in self._tiles:
            if len(self._tiles) == self.TILES_KEPT:
                self._tiles.clear()
            width = min(TILE_WIDTH, (self.size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
            self._tiles[level, index] = _prefix(self._store, level, index, width)
        return self._tiles[level, index]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size or len(leaf) != HASH_SIZE:
        return False
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_SIZE:
            return False
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162, 2.1.4.2. Nothing is consistent with an empty tree: it says nothing about what follows."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path or any(len(sibling) != HASH_SIZE for sibling in path):
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


def verify_range(leaves: Sequence[bytes], start: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether these consecutive leaf hashes, the first at `start`, stand in the tree with this root."""
    if not leaves or not 0 <= start <= size - len(leaves):
        return False
    if any(len(found) != HASH_SIZE for found in (*leaves, *proof)):
        return False
    rest = iter(proof)
    try:
        found = _root_around(leaves, start, 0, size, rest)
    except StopIteration:
        return False
    return next(rest, None) is None and found == root


def _root_around(leaves: Sequence[bytes], start: int, low: int, high: int, rest: Iterator[bytes]) -> bytes:
    if high <= start or start + len(leaves) <= low:
        return next(rest)
    if high - low == 1:
        return leaves[low - start]
    middle = low + _largest_power_below(high - low)
    left = _root_around(leaves, start, low, middle, rest)
    return node_hash(left, _root_around(leaves, start, middle, high, rest))
