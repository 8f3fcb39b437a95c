"""Readings that stand in no series: as many as a source may leave, until a person says what they are (`mapping`)."""

from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

from django.db import connection

from telemetry.enums import HeldBack
from telemetry.models.series import KEY_LENGTH
from telemetry.points import Odd

FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_000_000  # the years 1 to 9999
NAMES_A_SOURCE = 10_000  # a device gone mad makes a name a message; who looks could not read more
READINGS_A_SOURCE = 1_000_000
NOTE_NAMES = """
    INSERT INTO telemetry_heldbackseries AS h
        (source_id, source_key, reason, first_at, last_at, readings, kept, example)
    SELECT %(source)s, p.name, p.reason, now(), now(), p.n, 0, p.example
    FROM (
        SELECT g.*, k.id IS NOT NULL AS is_known,
            count(*) FILTER (WHERE k.id IS NULL) OVER (ORDER BY g.name, g.reason) AS nth
        FROM unnest(%(names)s::text[], %(reasons)s::text[], %(counts)s::bigint[], %(examples)s::text[])
            AS g (name, reason, n, example)
        LEFT JOIN telemetry_heldbackseries k
            ON k.source_id = %(source)s AND k.source_key = g.name AND k.reason = g.reason
    ) AS p
    WHERE is_known
       OR nth <= %(limit)s - (SELECT count(*) FROM telemetry_heldbackseries k WHERE k.source_id = %(source)s)
    ORDER BY p.name, p.reason
    ON CONFLICT (source_id, source_key, reason) DO UPDATE
        SET last_at = now(), readings = h.readings + excluded.readings, example = excluded.example
    RETURNING id, source_key, reason
"""
KEEP = """
    INSERT INTO telemetry_heldbackreading (series_id, received_at, sent_at, value, quality, text)
    SELECT i, now(), to_timestamp(0) + t * interval '1 microsecond', v, q, x
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::float8[], %s::smallint[]) AS p (i, x, t, v, q)
"""
ADD_TO_KEPT = """
    UPDATE telemetry_heldbackseries h SET kept = h.kept + p.n
    FROM (SELECT i, count(*) AS n FROM unnest(%s::bigint[]) AS i GROUP BY i) AS p WHERE h.id = p.i
"""


def hold_back(source_id: UUID, odd: Iterable[Odd]) -> tuple[int, int]:
    """Keep readings of a source; returns how many are kept, and how many not because it left too many already."""
    by_name: dict[tuple[str, str], list[Odd]] = defaultdict(list)
    for reading in odd:
        name, reason = _storable(reading)
        by_name[name, reason].append(reading)
    ids = _note_names(source_id, by_name)
    room = READINGS_A_SOURCE - _kept(source_id)
    keep = [(ids[key], reading) for key, readings in by_name.items() if key in ids for reading in readings][:room]
    _keep(keep)
    return len(keep), sum(map(len, by_name.values())) - len(keep)


def _storable(reading: Odd) -> tuple[str, str]:
    """The name as it can be kept; one that is too long is none of a series, and told apart by its digest."""
    name = reading.name.replace("\0", "\ufffd")
    if len(name) <= KEY_LENGTH:
        return name, reading.reason
    return f"{name[:100]}… {sha256(name.encode()).hexdigest()}", HeldBack.MALFORMED


def _note_names(source_id: UUID, by_name: dict[tuple[str, str], list[Odd]]) -> dict[tuple[str, str], int]:
    names, reasons = zip(*by_name, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            NOTE_NAMES,
            {
                "source": source_id,
                "names": list(names),
                "reasons": list(map(str, reasons)),
                "counts": [len(readings) for readings in by_name.values()],
                "examples": [_example(readings[-1]) for readings in by_name.values()],
                "limit": NAMES_A_SOURCE,
            },
        )
        return {(name, reason): row for row, name, reason in cursor.fetchall()}


def _example(reading: Odd) -> str:
    return (reading.text or str(reading.value)).replace("\0", "\ufffd")[:200]


def _moment(reading: Odd) -> tuple[str, int | None]:
    """The text kept, and the moment where a database can hold it; where not, it is in the text."""
    text = reading.text.replace("\0", "\ufffd")[:500]
    if reading.time is None or FIRST_US <= reading.time <= LAST_US:
        return text, reading.time
    return text or str(reading.time), None


def _kept(source_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(kept), 0) FROM telemetry_heldbackseries WHERE source_id = %s", [source_id])
        return int(cursor.fetchone()[0])


def _keep(readings: list[tuple[int, Odd]]) -> None:
    if not readings:
        return
    ids = [row for row, _reading in readings]
    columns = [(*_moment(reading), reading.value, reading.quality) for _row, reading in readings]
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [ids, *map(list, zip(*columns, strict=True))])
        cursor.execute(ADD_TO_KEPT, [ids])
