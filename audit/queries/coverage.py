"""How much of the critical records is protected (DBO-42). The target is 100 % (X-14)."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

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

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"integrity_coverage_percent": str(self.integrity_coverage_percent)}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Coverage":
        return cls(**row | {"integrity_coverage_percent": Decimal(row["integrity_coverage_percent"])})


def integrity_coverage() -> list[Coverage]:
    """A line for each critical table that has records. What was written in the last seconds waits for its seal."""
    with connection.cursor() as cursor:
        cursor.execute(COVERAGE)
        return [Coverage(*row) for row in cursor.fetchall()]
