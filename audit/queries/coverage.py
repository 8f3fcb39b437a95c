"""How much of the critical records is protected (DBO-42). The target is 100 % (X-14)."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

COVERAGE = """
    SELECT table_name, count(*), count(data_integrity_hash), count(electronic_signature),
        count(*) FILTER (WHERE created_at <> updated_at),
        round(count(data_integrity_hash)::numeric / count(*) * 100, 2)
    FROM manufacturing_critical_tables_view GROUP BY table_name ORDER BY table_name
"""


@dataclass(frozen=True, slots=True)
class Coverage:
    table_name: str
    total_records: int
    hash_protected_records: int
    signed_records: int
    modified_records: int
    integrity_coverage_percent: Decimal


def integrity_coverage() -> list[Coverage]:
    """A line for each critical table that has records. What was written in the last seconds waits for its seal."""
    with connection.cursor() as cursor:
        cursor.execute(COVERAGE)
        return [Coverage(*row) for row in cursor.fetchall()]
