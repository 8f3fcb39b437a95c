"""/api/v1/audit/: entries, their proofs, checkpoints, reviews, signatures, and whether all is well. Reading only."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Max
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit.errors import Conflict, NotFound
from audit.models import JournalEntry, JournalSeal, Signature, TrailReview
from audit.models.journal import Operation
from audit.queries.health import health
from audit.queries.proofs import proof_of
from audit.queries.trail import TrailFilter, seals_of, search
from audit.verification.uploaded import verify_upload
from mfg_project.common.filters import MomentFilter
from mfg_project.common.streams import PIECE
from mfg_project.common.viewsets import ROW_PATTERN, RecordViewSet
from mfg_project.trail.access import require_trail_of, require_trail_of_entry, require_trail_of_everything
from mfg_project.trail.bundle.answer import CONTENT_TYPE, bundle_response
from mfg_project.trail.rows import as_json
from mfg_project.trail.serializers import (
    BundleQuery,
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
    VerifiedBundleSerializer,
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


class ZipRenderer(JSONRenderer):
    """Lets a client ask for application/zip; what is refused is a problem, in JSON."""

    media_type = CONTENT_TYPE
    format = "zip"


class RecordCopyViewSet(viewsets.ViewSet):
    """Copies of single records, for people and machines, with proofs."""

    view_permission = READ_TRAIL

    @extend_schema(parameters=[BundleQuery], responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    @action(
        detail=False,
        url_path=r"(?P<table>[a-z_0-9]{1,63})/(?P<key>[A-Za-z0-9-]{1,100})/bundle",
        renderer_classes=[ZipRenderer, JSONRenderer],
    )
    def bundle(self, request: Request, table: str, key: str) -> StreamingHttpResponse:
        """A zip file: record.pdf (PDF/A), record.json, and the proofs that `genba_verify.py` in it checks.

        Leaves a security event. Waits up to two seconds for the seal of what was written just now.
        """
        query = BundleQuery(data=_many(request, "holds"))
        query.is_valid(raise_exception=True)
        holds = tuple(query.validated_data.get("holds", ()))
        return bundle_response(request._request, table, key, holds)


class ZipParser(BaseParser):
    """A zip file as the whole body, kept on disk and not read by anything but the verifier."""

    media_type = CONTENT_TYPE

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        file: IO[bytes] = tempfile.NamedTemporaryFile(suffix=".zip")  # noqa: SIM115 the view closes it
        size = 0
        while piece := stream.read(PIECE):
            size += len(piece)
            if size > settings.BUNDLE_MAX_BYTES:
                file.close()
                raise TooLarge
            file.write(piece)
        file.flush()
        return file


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"

    def __init__(self) -> None:
        limit = settings.BUNDLE_MAX_BYTES // (1024 * 1024)
        super().__init__(_("The body is larger than %(limit)s MB.") % {"limit": limit})


class VerifyBundleViewSet(viewsets.ViewSet):
    view_permission = READ_TRAIL
    action_permissions: ClassVar[dict[str, tuple[str, ...]]] = {"create": (READ_TRAIL,)}
    parser_classes = [ZipParser]

    @extend_schema(request={CONTENT_TYPE: OpenApiTypes.BINARY}, responses={200: VerifiedBundleSerializer})
    def create(self, request: Request) -> Response:
        """Checks an exported zip file with the verifier that lies in it, and says whether it is of this plant.

        A server cannot vouch for itself: who must not trust it runs genba_verify.py elsewhere.
        """
        file: Any = request.data
        if not hasattr(file, "name"):  # an empty body is not parsed at all
            raise ParseError(_("Send the zip file as the body, with Content-Type: application/zip."))
        with file:
            answer = verify_upload(Path(file.name))
        return Response(VerifiedBundleSerializer(answer).data)


ROUTES: list[tuple[str, type[viewsets.ViewSetMixin], str]] = [
    ("audit/entries", EntryViewSet, "audit-entry"),
    ("audit/checkpoints", CheckpointViewSet, "audit-checkpoint"),
    ("audit/integrity", IntegrityViewSet, "audit-integrity"),
    ("audit/reviews", TrailReviewViewSet, "audit-review"),
    ("audit/signatures", SignatureViewSet, "audit-signature"),
    ("audit/records", RecordCopyViewSet, "audit-record"),
    ("audit/verify-bundle", VerifyBundleViewSet, "audit-verify-bundle"),
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


def _many(request: Request, name: str) -> dict[str, Any]:
    """The query with every value of `name`."""
    return request.query_params.dict() | ({name: values} if (values := request.query_params.getlist(name)) else {})


def _next(request: Request, *, before: int | None, **more: Any) -> str | None:
    if before is None:
        return None
    query = request.query_params.dict() | {"before": str(before)} | {k: str(v) for k, v in more.items()}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
