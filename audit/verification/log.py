"""Is the log intact? Leaves from entries, trees from leaves, signed roots from trees; and nothing beside them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from psycopg.sql import SQL, Literal

from audit.archive_reading import Chain
from audit.canonical_entry import FIELDS, MAGIC
from audit.checkpoint import CheckpointRefused, PublicKey, open_checkpoint
from audit.merkle import HASH_SIZE, TILE_WIDTH, CompactRange, tile_root
from audit.verification.report import LOG, MOST_FINDINGS, Report
from audit.verification.session import Session

CHUNK = 50_000  # leaves between two looks at the checkpoints
NAMED = 5  # records named where only a range is known
LEAF = hashlib.sha256(b"\x00" + MAGIC)
NULL = 0xFFFFFFFF
SPECIAL = {
    "changed": "array_to_string(e.changed, ',')",
    "at": """to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "tx_at": """to_char(e.tx_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
}
TEXTS = ", ".join(SPECIAL.get(name, f"e.{name}::text") for name in FIELDS)
# What precedes the fields in a row of COPY BINARY: their number, then length and value of idx, entry id and hash.
HEADER = b"PGCOPY\n\xff\r\n\x00"
HEADER_SIZE = len(HEADER) + 8
BEFORE_FIELDS = 2 + 12 + 12 + 4 + HASH_SIZE


@dataclass(frozen=True)
class Leaf:
    index: int
    entry_id: int
    stored: bytes
    fields: bytes  # in the canonical form, without its magic: COPY BINARY writes the very same; b"" of no entry

    def computed(self) -> bytes:
        found = LEAF.copy()
        found.update(self.fields)
        return found.digest()

    def named(self) -> dict[str, str]:
        """Table and key, as the entry now tells them."""
        texts = _texts(self.fields)
        return {"table": texts[FIELDS.index("table_name")], "key": texts[FIELDS.index("pk")]}


@dataclass
class Epoch:
    number: int
    origin: str
    key_text: str
    follows: str
    entries_before: int
    system_identifier: str
    key: PublicKey | None = None
    size: int = 0  # of its last checkpoint
    horizon: int = 0
    note: str = ""
    expected: dict[int, list[tuple[bytes, str]]] = field(default_factory=dict)  # roots seen elsewhere, by size


def epochs_of(session: Session) -> list[Epoch]:
    rows = session.rows(
        SQL(
            "SELECT epoch, origin, public_key, follows, entries_before, system_identifier FROM {} ORDER BY epoch"
        ).format(session.table("journal_epoch"))
    )
    found = [Epoch(*row) for row in rows]
    last = SQL("SELECT size, horizon::text, note FROM {} WHERE epoch = %s ORDER BY size DESC LIMIT 1").format(
        session.table("journal_checkpoint")
    )
    for epoch in found:
        for size, horizon, note in session.rows(last, epoch.number):
            epoch.size, epoch.horizon, epoch.note = size, int(horizon), note
    return found


def check_epochs(session: Session, epochs: list[Epoch], report: Report, trusted: list[PublicKey]) -> None:
    """Numbers, links and keys. `trusted` keys came from elsewhere; without any, the database's own are used."""
    for place, epoch in enumerate(epochs, start=1):
        where = f"epoch {epoch.number}"
        if epoch.number != place:
            report.add(LOG, "epoch_missing", f"epoch {place} is missing", "journal_epoch", str(place))
        if epoch.follows != (epochs[place - 2].note if place > 1 else ""):
            report.add(
                LOG, "epoch_link", "it does not follow the last checkpoint before it", "journal_epoch", where, "follows"
            )
        try:
            epoch.key = PublicKey.parse(epoch.key_text)
        except CheckpointRefused as refused:
            report.add(LOG, "epoch_key", f"the key cannot be read: {refused}", "journal_epoch", where, "public_key")
        if epoch.key and (epoch.key.name != epoch.origin or (trusted and epoch.key not in trusted)):
            report.add(LOG, "epoch_key", "the key is not the trusted one", "journal_epoch", where, "public_key")
            epoch.key = next((key for key in trusted if key.name == epoch.origin), None)
    if epochs and not _is_here(session, epochs[-1]):
        report.add(
            LOG,
            "other_cluster",
            "the database runs in another cluster than the one this epoch began in: a copy, or restored into a new one",
            "journal_epoch",
            f"epoch {epochs[-1].number}",
            "system_identifier",
        )


def _is_here(session: Session, epoch: Epoch) -> bool:
    """Whether the epoch began in this cluster: transaction ids of another one mean nothing here."""
    return bool(epoch.system_identifier == session.one("SELECT system_identifier::text FROM pg_control_system()"))


def check_tree(session: Session, epoch: Epoch, report: Report, *, quick: bool) -> None:
    """Every leaf, tile and checkpoint of the epoch. `quick` takes the leaves as they are stored."""
    walk = _Walk(session, epoch, report, quick)
    leaves = session.one(
        SQL("SELECT coalesce(max(idx) + 1, 0) FROM {} WHERE epoch = %s").format(session.table("journal_leaf")),
        epoch.number,
    )
    for start in range(0, max(leaves, epoch.size, 1), CHUNK):
        walk.chunk(start)
        report.progress(f"epoch {epoch.number}", min(start + CHUNK, leaves), leaves)
    walk.end()


def check_strays(session: Session, epochs: list[Epoch], report: Report) -> None:
    """Entries that slipped in beside the seals, and leaves that seal one entry twice."""
    last, is_here = epochs[-1], _is_here(session, epochs[-1])
    journal, leaf = session.table("journal_entry"), session.table("journal_leaf")
    unsealed = SQL(
        "SELECT e.id, e.table_name, e.pk FROM {} e WHERE (e.id <= %(before)s OR e.xid < %(horizon)s::xid8) AND NOT"
        " EXISTS (SELECT FROM {} l WHERE l.entry_id = e.id AND l.tx_at = e.tx_at) ORDER BY e.id LIMIT %(most)s"
    ).format(session.journal, leaf)
    values = {"before": last.entries_before, "horizon": str(last.horizon), "most": MOST_FINDINGS}
    for entry_id, table, key in session.rows(unsealed, **values):
        report.add(LOG, "entry_smuggled_in", f"entry {entry_id} has no seal but should have one", table, key)
    twice = SQL("SELECT entry_id FROM {} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT %s").format(leaf)
    for (entry_id,) in session.rows(twice, MOST_FINDINGS):
        report.add(LOG, "sealed_twice", f"entry {entry_id} is sealed twice", "journal_leaf", str(entry_id))
    future = SQL(
        "SELECT id, table_name, pk FROM {} WHERE id > %s AND xid >= pg_snapshot_xmax(pg_current_snapshot())"
        " ORDER BY id LIMIT %s"
    ).format(journal)
    for entry_id, table, key in session.rows(future, last.entries_before, MOST_FINDINGS) if is_here else []:
        report.add(LOG, "entry_smuggled_in", f"entry {entry_id} is of no transaction that ever was", table, key)
    waiting = SQL("SELECT count(*) FROM {} WHERE id > %s AND xid >= %s::xid8").format(journal)
    if count := session.one(waiting, last.entries_before, str(last.horizon)):
        report.remarks.append(f"{count} entries are not sealed yet; nothing protects them so far.")


def check_archives(session: Session, report: Report) -> None:
    """Months whose entries nobody reads here: the leaves that stay must be those the archive was noted with."""
    for archive, why in session.months.altered:
        report.add(LOG, "archive_altered", why, "audit_journalarchive", archive.name)
    query = SQL(
        "SELECT hash FROM {} WHERE epoch = {} AND tx_at >= {} AND tx_at < ({}::timestamptz + interval '1 month')"
        " ORDER BY idx"
    )
    for archive in session.months.absent:
        since = Literal(f"{archive.month} 00:00:00+00")
        chain = Chain()
        with session.connection.cursor(name="leaves") as cursor:
            cursor.execute(query.format(session.table("journal_leaf"), Literal(archive.epoch), since, since))
            for (leaf,) in cursor:
                chain.add(bytes(leaf))
        if chain.told != (archive.entries, archive.digest):
            text = f"its leaves are not those of {archive.month:%Y-%m} in epoch {archive.epoch}"
            report.add(LOG, "archive_differs", text, "audit_journalarchive", archive.name)
    for archive in session.months.missing:
        report.remarks.append(
            f"{archive.entries} entries of {archive.month:%Y-%m} are in {archive.name}, which was not given: their "
            "leaves were compared, their content was not."
        )


def leaves_of(session: Session, epoch: int, start: int, end: int, *, quick: bool = False) -> Iterator[Leaf]:
    """Leaves in their order, each with its entry in canonical form."""
    query = SQL(
        "SELECT l.idx, l.entry_id, l.hash" + ("" if quick else f", {TEXTS}")  # noqa: S608 columns of ours
        + " FROM {leaf} l" + ("" if quick else " LEFT JOIN {entry} e ON e.id = l.entry_id AND e.tx_at = l.tx_at")
        + " WHERE l.epoch = {epoch} AND l.idx >= {start} AND l.idx < {end} ORDER BY l.epoch, l.idx"
    ).format(
        leaf=session.table("journal_leaf"), entry=session.journal,
        epoch=Literal(epoch), start=Literal(start), end=Literal(end),
    )  # fmt: skip
    number = int.from_bytes
    with (
        session.one_by_one(),
        session.connection.cursor().copy(SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(query)) as copy,
    ):
        for data in copy:
            row = bytes(data)
            if row.startswith(HEADER):
                row = row[HEADER_SIZE:]
            if len(row) > 2:  # the end mark has two bytes
                fields = row[BEFORE_FIELDS:]
                is_there = number(fields[:4], "big") != NULL
                yield Leaf(number(row[6:14], "big"), number(row[18:26], "big"), row[30:62], fields if is_there else b"")


class _Walk:
    """Over the leaves of one epoch, from the first to the last."""

    def __init__(self, session: Session, epoch: Epoch, report: Report, quick: bool) -> None:
        self.session, self.epoch, self.report, self.quick = session, epoch, report, quick
        self.tree, self.next = CompactRange(), 0
        self.tile: list[bytes] = []
        self.tiles: list[list[bytes]] = []  # roots of full tiles by level, since the last full one
        self.trusted_size, self.is_broken = 0, False
        self.wrong: list[tuple[str, int, int]] = []
        self.without_entry: list[Leaf] = []

    def chunk(self, start: int) -> None:
        end = start + CHUNK
        roots = self._roots(start, end)
        nodes = self._nodes(start, end)
        for leaf in leaves_of(self.session, self.epoch.number, start, end, quick=self.quick):
            self._leaf(leaf)
            if self.next % TILE_WIDTH == 0:
                self._tile(nodes)
            if self.next in roots:
                self._compare(roots.pop(self.next))
        for where, first, beyond in self.wrong:  # told now: while leaves are copied the connection is busy
            names = self._some_of(first, beyond)
            text = f"{where} is of another tree: leaves {first} to {beyond - 1} were rebuilt ({names})"
            self._say("root_differs", text, str(beyond))
        self.wrong = []
        self._check_absent()
        for size in sorted(roots):
            for _root, where in roots[size]:
                self._say("rows_removed", f"{where} covers {size} leaves, there are {self.next}", str(size))

    def end(self) -> None:
        if self.next > self.epoch.size:
            self._say("leaf_without_checkpoint", f"{self.next - self.epoch.size} leaves after the last checkpoint")
        self.report.entries += self.next

    def _leaf(self, leaf: Leaf) -> None:
        if leaf.index != self.next:
            self._say("leaf_removed", f"leaves {self.next} to {leaf.index - 1} are missing", str(self.next))
            self.next, self.is_broken = leaf.index, True
        self.next += 1
        self.tree.append(leaf.stored)
        self.tile.append(leaf.stored)
        if self.quick:
            return
        if not leaf.fields:
            self.without_entry.append(leaf)  # asked about when the connection is free again
        elif leaf.computed() != leaf.stored:
            self.report.add(
                LOG, "entry_altered", f"entry {leaf.entry_id} is not what was sealed (leaf {leaf.index})",
                **leaf.named(),
            )  # fmt: skip

    def _check_absent(self) -> None:
        """A leaf without its entry: its month lies in an archive nobody gave, or the entry was removed."""
        absent = {archive.month for archive in self.session.months.absent if archive.epoch == self.epoch.number}
        query = SQL(
            "SELECT idx, date_trunc('month', tx_at AT TIME ZONE 'UTC')::date FROM {}"
            " WHERE epoch = %s AND idx = ANY (%s)"
        ).format(self.session.table("journal_leaf"))
        indexes = [leaf.index for leaf in self.without_entry]
        months = dict(self.session.rows(query, self.epoch.number, indexes)) if absent else {}
        for leaf in self.without_entry:
            if months.get(leaf.index) not in absent:
                self.report.add(
                    LOG,
                    "entry_removed",
                    f"entry {leaf.entry_id} is sealed (leaf {leaf.index}) and no longer in the log",
                    "journal_entry",
                    str(leaf.entry_id),
                )
        self.without_entry = []

    def _tile(self, nodes: dict[tuple[int, int], bytes]) -> None:
        if self.is_broken:
            return
        found, level = tile_root(b"".join(self.tile)), 1
        self.tile = []
        while True:
            index = self.next // TILE_WIDTH**level - 1
            if nodes.pop((level, index), None) != found:
                self._say("node_altered", f"node {level}/{index} is not the root of its leaves", f"{level}/{index}")
            while len(self.tiles) < level:
                self.tiles.append([])
            row = self.tiles[level - 1]
            row.append(found)
            if len(row) < TILE_WIDTH:
                return
            found, self.tiles[level - 1] = tile_root(b"".join(row)), []
            level += 1

    def _compare(self, roots: list[tuple[bytes, str]]) -> None:
        if self.is_broken:
            return
        now = self.tree.root()
        wrong = [where for root, where in roots if root != now]
        self.wrong += [(where, self.trusted_size, self.next) for where in wrong]
        if wrong:
            self.is_broken = True  # every later root differs as well
        self.trusted_size = self.next

    def _roots(self, start: int, end: int) -> dict[int, list[tuple[bytes, str]]]:
        """Roots that the tree must have within this chunk, by size: signed ones here and witnessed ones."""
        query = SQL(
            "SELECT size, root, horizon::text, note FROM {} WHERE epoch = %s AND size > %s AND size <= %s ORDER BY size"
        ).format(self.session.table("journal_checkpoint"))
        found: dict[int, list[tuple[bytes, str]]] = {}
        for size, root, horizon, note in self.session.rows(query, self.epoch.number, start, end):
            found[size] = [(bytes(root), f"the checkpoint of size {size}")]
            if not self.quick or size == self.epoch.size:
                self._check_note(size, bytes(root), horizon, note)
        for size, roots in self.epoch.expected.items():
            if start < size <= end:
                found.setdefault(size, []).extend(roots)
        return found

    def _check_note(self, size: int, root: bytes, horizon: str, note: str) -> None:
        if self.epoch.key is None:
            return
        try:
            signed = open_checkpoint(note, self.epoch.key)
        except CheckpointRefused as refused:
            self._say("checkpoint_signature", f"the checkpoint does not hold: {refused}", str(size), "note")
            return
        told = (signed.origin, signed.size, signed.root, signed.extension("epoch"), signed.extension("horizon"))
        if told != (self.epoch.origin, size, root, str(self.epoch.number), horizon):
            self._say("checkpoint_altered", "the row is not what its note says", str(size), "note")

    def _nodes(self, start: int, end: int) -> dict[tuple[int, int], bytes]:
        query = SQL(
            "SELECT level, idx, hash FROM {} WHERE epoch = %s AND"
            " (idx + 1) * (256::bigint ^ level)::bigint > %s AND (idx + 1) * (256::bigint ^ level)::bigint <= %s"
        ).format(self.session.table("journal_node"))
        rows = self.session.rows(query, self.epoch.number, start, end)
        return {(level, index): bytes(root) for level, index, root in rows}

    def _some_of(self, start: int, end: int) -> str:
        query = SQL(
            "SELECT e.table_name || ' ' || e.pk FROM {} l JOIN {} e ON e.id = l.entry_id"
            " WHERE l.epoch = %s AND l.idx >= %s AND l.idx < %s ORDER BY l.idx LIMIT %s"
        ).format(self.session.table("journal_leaf"), self.session.journal)
        names = [name for (name,) in self.session.rows(query, self.epoch.number, start, end, NAMED)]
        return ", ".join(names) + (" …" if end - start > NAMED else "")

    def _say(self, code: str, message: str, key: str = "", field: str = "") -> None:
        table = {"leaf": "journal_leaf", "node": "journal_node"}.get(code.partition("_")[0], "journal_checkpoint")
        self.report.add(LOG, code, f"epoch {self.epoch.number}: {message}", table, key, field)


def _texts(fields: bytes) -> list[str]:
    texts, at = [], 0
    while at < len(fields):
        length = int.from_bytes(fields[at : at + 4], "big")
        at += 4
        if length == NULL:
            texts.append("")
            continue
        texts.append(fields[at : at + length].decode(errors="replace"))
        at += length
    return texts
