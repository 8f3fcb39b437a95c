"""A tree in memory, kept as the database keeps it: leaves, and full tiles with their roots."""

import hashlib
from collections.abc import Iterable

from audit import merkle


class Memory:
    """Full tiles are stored once; the tile at the right edge is known from the level below."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.leaves: list[bytes] = []
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.reads = 0
        self._appender = merkle.TileAppender()
        self.extend(leaves)

    def extend(self, leaves: Iterable[bytes]) -> None:
        for leaf in leaves:
            self.leaves.append(leaf)
            for tile in self._appender.extend([leaf]):
                assert (tile.level, tile.index) not in self.tiles  # a full tile never changes
                self.tiles[tile.level, tile.index] = tile.hashes

    def get(self, level: int, index: int) -> bytes:
        self.reads += 1
        if (level, index) in self.tiles:
            return self.tiles[level, index]
        first = index * merkle.TILE_WIDTH
        if level == 0:
            return b"".join(self.leaves[first : first + merkle.TILE_WIDTH])
        below = ((level - 1, first + at) for at in range(merkle.TILE_WIDTH))
        return b"".join(merkle.tile_root(self.tiles[key]) for key in below if key in self.tiles)

    def tree(self) -> merkle.TiledTree:
        return merkle.TiledTree(self, len(self.leaves))


def numbered_leaf(number: int) -> bytes:
    return hashlib.sha256(b"\x00%d" % number).digest()


def numbered(count: int) -> Memory:
    return Memory(numbered_leaf(number) for number in range(count))


def plain_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1 word for word, as slow as it reads."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def plain_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1 word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*plain_path(m, leaves[:k]), plain_root(leaves[k:])]
    return [*plain_path(m - k, leaves[k:]), plain_root(leaves[:k])]


def plain_subproof(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1 word for word."""
    if m == len(leaves):
        return [] if whole else [plain_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*plain_subproof(m, leaves[:k], whole=whole), plain_root(leaves[k:])]
    return [*plain_subproof(m - k, leaves[k:], whole=False), plain_root(leaves[:k])]
