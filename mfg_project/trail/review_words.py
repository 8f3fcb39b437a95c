"""A review of the audit trail in words: what stands in a period, and what is signed."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from audit.models import JournalEntry, TrailReview
from audit.models.journal import Operation
from audit.queries.review import LISTED, Found, Period
from audit.queries.trail import TrailPage, seals_of
from mfg_project.common.formats import both_zones, moment, number
from mfg_project.trail.names import journalled_models, table_label
from mfg_project.trail.review_kinds import KINDS, OWN
from mfg_project.trail.rows import trail_rows


def period_words(period: Period, found: Found, remarks: Mapping[int, str]) -> dict[str, Any]:
    rows = _exception_rows(found, remarks)
    return {
        "period": period,
        "entries": number(found.entries),
        "by_people": number(found.by_people),
        "only_own": bool(found.by_people) and found.by_people == found.by_reviewer,
        "kinds": [
            {
                "kind": kind,
                "count": number(found.exceptions[kind.code]),
                "rows": rows[kind.code],
                "is_cut": found.exceptions[kind.code] > LISTED,
                "is_open": bool(rows[kind.code]) and kind is not OWN,
            }
            for kind in KINDS
        ],
        "none_of": ", ".join(str(kind.label) for kind in KINDS if not found.exceptions[kind.code]),
        "listed": LISTED,
        "counts": counts_rows(found.counts),
        "trail_query": f"since={timezone.localtime(period.since):%Y-%m-%dT%H:%M}"
        f"&until={timezone.localtime(period.until - dt.timedelta(minutes=1)):%Y-%m-%dT%H:%M}",
    }


def _exception_rows(found: Found, remarks: Mapping[int, str]) -> dict[str, list[Any]]:
    """The entries of all kinds with one query, each with the kinds it is of."""
    wanted = {entry for some in found.listed.values() for entry in some}
    entries = list(JournalEntry.objects.filter(pk__in=wanted).order_by("-id")) if wanted else []
    rows = {row.id: row for row in trail_rows(TrailPage(entries, seals=seals_of(wanted)))}
    own = set(found.listed[OWN.code])
    shown: set[int] = set()
    by_kind: dict[str, list[Any]] = {}
    for kind, some in found.listed.items():
        # An entry of two kinds has one field for its remark, where it comes first
        by_kind[kind] = [
            {
                "row": rows[entry],
                "is_own": entry in own,
                "is_again": entry in shown,
                "remark": remarks.get(entry, ""),
            }
            for entry in some
            if entry in rows
        ]
        shown |= set(some)
    return by_kind


def counts_rows(counts: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    return sorted(
        (
            {
                "label": table_label(table),
                "table": table,
                "created": number(some.get(Operation.INSERT, 0)),
                "changed": number(some.get(Operation.UPDATE, 0) + some.get(Operation.STRUCTURE, 0)),
                "deleted": number(some.get(Operation.DELETE, 0)),
            }
            for table, some in counts.items()
        ),
        key=lambda row: str(row["label"]),
    )


def scope_text(scope: str) -> str:
    return ", ".join(table_label(table) for table in scope.split(",") if table) or _("Everything")


def content_rows(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is signed as people read it; the exact bytes are beside it."""
    kinds = {kind.code: str(kind.label) for kind in KINDS}
    return [
        (_("Record types"), scope_text(content["scope"])),
        (_("Period"), f"{_moment_text(content['since'])} … {_moment_text(content['until'])}"),
        (_("Entries"), number(content["entries"])),
        (_("By type: created / changed / deleted"), _counts_text(content["counts"])),
        (
            _("Exceptions"),
            ", ".join(f"{kinds.get(code, code)}: {number(n)}" for code, n in content["exceptions"].items() if n)
            or _("none"),
        ),
        *((_("Remark on entry %(entry)s") % one, one["comment"]) for one in content["remarks"]),
        (_("Conclusion"), content["comment"]),
        (
            _("Checkpoint"),
            _("epoch %(epoch)s, %(size)s entries, root %(root)s") % content["checkpoint"],
        ),
    ]


def _counts_text(counts: Mapping[str, Mapping[str, int]]) -> str:
    return "; ".join(
        f"{row['label']}: {row['created']} / {row['changed']} / {row['deleted']}" for row in counts_rows(counts)
    )


def _moment_text(text: str) -> str:
    at = parse_datetime(text)
    return both_zones(at) if at else text


def review_row(review: TrailReview) -> dict[str, Any]:
    return {
        "pk": review.pk,
        "since": both_zones(review.since),
        "until": both_zones(review.until),
        "scope": scope_text(review.scope),
        "entries": number(review.entries),
        "remarks": len(review.remarks),
        "reviewer": str(review.reviewer),
        "made": moment(review.made_at),
    }


def remark_row(remark: Mapping[str, Any]) -> dict[str, Any]:
    """With the way to the record's trail, where the entry is of a record."""
    is_record = remark["table"] in journalled_models()
    url = reverse("trail:record", args=[remark["table"], remark["record"]]) if is_record else ""
    return {**remark, "label": table_label(remark["table"]), "url": url}
