"""/api/v1/audit/: entries, their proofs, checkpoints, reviews, signatures, and whether all is well. Reading only."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from audit.errors import Conflict, NotFound
from audit.models import JournalEntry, JournalSeal, Signature, TrailReview
from audit.models.journal import Operation
from audit.queries.health import health
from audit.queries.proofs import proof_of
from audit.queries.trail import TrailFilter, seals_of, search
from mfg_project.common.filters import MomentFilter
from mfg_project.common.viewsets import ROW_PATTERN, RecordViewSet
from mfg_project.trail.access import require_trail_of, require_trail_of_entry, require_trail_of_everything
from mfg_project.trail.exports import as_json
from mfg_project.trail.serializers import (
    CheckpointPage,
    CheckpointQuery,
    CheckpointSerializer,
    EntryPage,
    EntryQuery,
    EntrySerializer,
    HealthSerializer,
    ProofSerializer,
    SignatureRecordSerializer,
    TrailReviewSerializer,
)

READ_TRAIL = "audit.view_journalentry"


class PendingSeal(Conflict):
    """The entry is committed and waits for the sealer."""

    code = "pending_seal"


class EntryViewSet(viewsets.ViewSet):
    """What was created, changed and deleted, newest first."""

    view_permission = READ_TRAIL
    lookup_value_regex = ROW_PATTERN

    @extend_schema(parameters=[EntryQuery], responses=EntryPage)
    def list(self, request: Request) -> Response:
        """Entries older than `before`; follow `next`. An account that works on some lines names table and record."""
        asked = _query(EntryQuery, request)
        limit, before = asked.pop("limit"), asked.pop("before", None)
        table, record = asked.pop("table", ""), asked.pop("record", "")
        if table and record:
            require_trail_of(table, record)
        else:
            require_trail_of_everything()
        page = search(_filter(table, record, asked), before=before, size=limit)
        return Response(
            {
                "next": _next(request, before=page.before),
                "searched_back_to": page.looked_back_to,
                "results": [as_json(entry, page.seals.get(entry.id)) for entry in page.entries],
            }
        )

    @extend_schema(responses=EntrySerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        entry = _entry(pk)
        return Response(as_json(entry, seals_of([entry.id]).get(entry.id)))

    @extend_schema(responses=ProofSerializer)
    @action(detail=True)
    def proof(self, request: Request, pk: str) -> Response:
        """The entry as it was sealed, its path to the root of the last checkpoint of its epoch, and that checkpoint.

        Answers 409 `pending_seal` for the few seconds until an entry is sealed.
        """
        proof = proof_of(_entry(pk).id)
        if proof is None:
            raise PendingSeal(_("This entry is not sealed yet. Ask again in a few seconds."))
        return Response(asdict(proof))


class CheckpointViewSet(viewsets.ViewSet):
    """Signed checkpoints of the journal's tree (C2SP tlog-checkpoint), newest first."""

    view_permission = "audit.view_journalseal"

    @extend_schema(parameters=[CheckpointQuery], responses=CheckpointPage)
    def list(self, request: Request) -> Response:
        """Checkpoints of one epoch, the current one unless `epoch` says another."""
        asked = _query(CheckpointQuery, request)
        epoch = asked.get("epoch") or JournalSeal.objects.aggregate(last=Max("epoch"))["last"]
        rows = JournalSeal.objects.filter(epoch=epoch)
        if before := asked.get("before"):
            rows = rows.filter(size__lt=before)
        found = list(rows.order_by("-size")[: asked["limit"] + 1])
        shown = found[: asked["limit"]]
        older = shown[-1].size if len(found) > len(shown) else None
        return Response(
            {"next": _next(request, before=older, epoch=epoch), "results": CheckpointSerializer(shown, many=True).data}
        )


class IntegrityViewSet(viewsets.ViewSet):
    """Can the records be trusted now? The facts of the integrity page."""

    view_permission = READ_TRAIL

    @extend_schema(responses=HealthSerializer)
    def list(self, request: Request) -> Response:
        require_trail_of_everything()
        return Response(HealthSerializer(health()).data)


class TrailReviewFilter(filters.FilterSet):
    since = MomentFilter(field_name="until", lookup_expr="gt", label=gettext_lazy("Of periods that end after"))
    until = MomentFilter(field_name="since", lookup_expr="lt", label=gettext_lazy("Of periods that begin before"))
    reviewer_id = filters.UUIDFilter()

    class Meta:
        model = TrailReview
        fields: tuple[str, ...] = ()


class TrailReviewViewSet(RecordViewSet):
    """Signed reviews of the audit trail, newest first. Their signatures are at `audit/signatures`."""

    queryset = TrailReview.objects.all()
    serializer_class = TrailReviewSerializer
    filterset_class = TrailReviewFilter
    ordering_fields = ("until", "made_at")
    ordering = ("-until", "-id")
    not_found = gettext_lazy("There is no such review.")


class SignatureFilter(filters.FilterSet):
    record_type = filters.CharFilter(field_name="record_label", label=gettext_lazy("Type, e.g. production.workorder"))
    record = filters.CharFilter(field_name="record_pk", label=gettext_lazy("Key of the record"))
    signer_id = filters.UUIDFilter()
    since = MomentFilter(field_name="signed_at", lookup_expr="gte", label=gettext_lazy("Signed at or after"))
    until = MomentFilter(field_name="signed_at", lookup_expr="lt", label=gettext_lazy("Signed before"))

    class Meta:
        model = Signature
        fields: tuple[str, ...] = ()


class SignatureViewSet(RecordViewSet):
    """Electronic signatures, newest first, each with what was signed."""

    queryset = Signature.objects.all()
    serializer_class = SignatureRecordSerializer
    filterset_class = SignatureFilter
    ordering_fields = ("signed_at",)
    ordering = ("-signed_at", "-id")
    not_found = gettext_lazy("The signature was not found.")


ROUTES: list[tuple[str, type[viewsets.ViewSetMixin], str]] = [
    ("audit/entries", EntryViewSet, "audit-entry"),
    ("audit/checkpoints", CheckpointViewSet, "audit-checkpoint"),
    ("audit/integrity", IntegrityViewSet, "audit-integrity"),
    ("audit/reviews", TrailReviewViewSet, "audit-review"),
    ("audit/signatures", SignatureViewSet, "audit-signature"),
]


def _filter(table: str, record: str, asked: dict[str, Any]) -> TrailFilter:
    actor, operation = asked.pop("actor_id", None), asked.pop("operation", "")
    return TrailFilter(
        tables=frozenset({table} if table else ()),
        keys={table: frozenset({record})} if record else None,
        actors=frozenset({actor} if actor else ()),
        operation=Operation[operation].value if operation else "",
        changed=asked.pop("field", ""),
        **asked,
    )


def _entry(pk: str) -> JournalEntry:
    entry = JournalEntry.objects.filter(pk=pk).first()
    if entry is None:
        raise NotFound(_("There is no such entry."))
    require_trail_of_entry(entry)
    return entry


def _query(serializer_class: Any, request: Request) -> dict[str, Any]:
    query = serializer_class(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    values: dict[str, Any] = query.validated_data
    return values


def _next(request: Request, *, before: int | None, **more: Any) -> str | None:
    if before is None:
        return None
    query = request.query_params.dict() | {"before": str(before)} | {k: str(v) for k, v in more.items()}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
