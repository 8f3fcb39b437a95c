from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.attempts import permission_remembered
from audit.errors import InvalidInput
from audit.signatures import Signing, confirm_identity, signatures_of
from equipment.api.source import source_of
from mfg_project.common.versions import expected_version
from mfg_project.common.viewsets import RecordViewSet, read_body
from production.api.filters import ActiveOrderFilter, WorkOrderFilter
from production.api.inputs import (
    FIXED,
    NewWorkOrderInput,
    PlainStepInput,
    ReasonInput,
    ReleaseInput,
    StepInput,
    WorkOrderChange,
    WorkOrderInput,
)
from production.api.serializers import (
    HistorySerializer,
    SignatureSerializer,
    WorkOrderDetailSerializer,
    WorkOrderSerializer,
)
from production.models import WorkOrder
from production.queries.order_history import steps_of
from production.queries.signing import policy_of
from production.queries.work_orders import find_active_orders, work_orders_with_links
from production.services import work_orders
from production.services.order_amendments import amend_work_order
from production.services.signing import SIGNED_STEPS, require_part, sign_work_order_step
from production.transitions import CANCEL, COMPLETE, HOLD, PLAN, RELEASE, RESUME, WORK_ORDER

# What a PUT leaves out goes back to where it was when the order was made.
PUT_DEFAULTS: dict[str, Any] = {
    "production_line_id": None,
    "batch_id": None,
    "priority": 5,
    "manufacturing_parameters": None,
    "quality_requirements": None,
    "special_instructions": None,
}
# One PATCH may change fields, report pieces or take a step; which of them the body asks for is the service's to judge.
CHANGE = (
    "production.change_workorder",
    "production.report_quantity",
    *(edge.permission for edge in (PLAN, HOLD, RESUME, COMPLETE, CANCEL)),
)


class WorkOrderViewSet(RecordViewSet):
    """Work orders. The same endpoints answer under `production/work-orders`, with or without the final slash."""

    queryset = work_orders_with_links()
    serializer_class = WorkOrderSerializer
    detail_serializer_class = WorkOrderDetailSerializer
    filterset_class = WorkOrderFilter
    ordering_fields = (
        "work_order_number",
        "status",
        "priority",
        "scheduled_start",
        "scheduled_end",
        "actual_start",
        "actual_end",
        "created_at",
        "updated_at",
    )
    ordering = ("-scheduled_start", "id")
    action_permissions: ClassVar = {
        "create": ("production.add_workorder",),
        "update": CHANGE,
        "partial_update": CHANGE,
        PLAN.name: (PLAN.permission,),
        # Who gives an earlier signature of a step need not be allowed to take it: its policy names the roles
        **{edge.name: (edge.permission, "audit.add_signature") for edge in (RELEASE, HOLD, RESUME, COMPLETE, CANCEL)},
        "signatures": ("audit.view_signature",),
        "history": ("production.view_historicalworkorder",),
    }
    not_found = _("The work order was not found.")

    def check_permissions(self, request: Request) -> None:
        """Who has no part in a step is told so before a body is read."""
        edge = WORK_ORDER.by_name.get(self.action or "")
        with permission_remembered(WorkOrder, self.kwargs.get("pk"), edge, tries=edge is not None):
            super().check_permissions(request)
            if edge and edge.name in SIGNED_STEPS and not request.user.has_perm(edge.permission):
                require_part(request.user, edge, policy_of(edge.name))

    def get_queryset(self) -> QuerySet[WorkOrder]:
        orders = super().get_queryset()
        return orders if self.action == "list" else orders.select_related("created_by", "updated_by")

    @extend_schema(responses=WorkOrderDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=NewWorkOrderInput, responses={201: WorkOrderDetailSerializer})
    def create(self, request: Request) -> Response:
        values = read_body(NewWorkOrderInput, request)
        return self.created(work_orders.create_work_order(**values))

    @extend_schema(request=WorkOrderChange, responses=WorkOrderDetailSerializer)
    def partial_update(self, request: Request, pk: Any = None) -> Response:
        """Change what is given. `status` takes the step that leads there; a release needs its own, signed step."""
        order = self.get_object()
        return self._amend(request, order, read_body(WorkOrderChange, request, record=order, partial=True))

    @extend_schema(request=WorkOrderInput, responses=WorkOrderDetailSerializer)
    def update(self, request: Request, pk: Any = None) -> Response:
        """Replace every editable field; one that is left out is emptied."""
        order = self.get_object()
        values = PUT_DEFAULTS | {"uom": order.product.uom} | read_body(WorkOrderInput, request, record=order)
        return self._amend(request, order, values)

    def _amend(self, request: Request, order: WorkOrder, values: dict[str, Any]) -> Response:
        _refuse_fixed(order, values)
        amended = amend_work_order(
            work_order_id=order.pk,
            expected_version=expected_version(request, values.pop("version", None)),
            completed_quantity=values.pop("actual_quantity", None),
            source=source_of(request.user),
            **values,
        )
        return self.answer(amended)

    @extend_schema(request=None, responses=WorkOrderSerializer(many=True), filters=False)
    @action(detail=False, filterset_class=ActiveOrderFilter, ordering_fields=None)
    def active(self, request: Request) -> Response:
        """Planned, released and running orders, the most pressing first; late ones included."""
        asked = ActiveOrderFilter(request.query_params, queryset=WorkOrder.objects.none())
        if not asked.is_valid():
            raise ValidationError(asked.errors)
        orders = find_active_orders(
            line_id=asked.form.cleaned_data["line_id"], statuses=asked.form.cleaned_data["status"] or None
        )
        page = self.paginate_queryset(orders)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=PlainStepInput, responses=WorkOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def plan(self, request: Request, pk: Any = None) -> Response:
        """Plan a created order: its operations are copied from the product's routing."""
        return self._step(request, PlainStepInput, work_orders.plan_work_order)

    @extend_schema(request=ReleaseInput, responses=WorkOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: Any = None) -> Response:
        """Sign and release a planned order. A wrong password is counted; after five, the account is locked."""
        values = read_body(ReleaseInput, request)
        version, comment = values.pop("version", None), values.pop("comment", "")
        return self._signed(request, self.get_object(), "release", values, comment, version)

    @extend_schema(request=ReasonInput, responses=WorkOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: Any = None) -> Response:
        """Put on hold, with a reason."""
        return self._step(request, ReasonInput, work_orders.hold_work_order)

    @extend_schema(request=ReasonInput, responses=WorkOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: Any = None) -> Response:
        """Go on where the hold began."""
        return self._step(request, ReasonInput, work_orders.resume_work_order)

    @extend_schema(request=StepInput, responses=WorkOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: Any = None) -> Response:
        """Complete an order whose operations are complete."""
        return self._step(request, StepInput, work_orders.complete_work_order)

    @extend_schema(request=ReasonInput, responses=WorkOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any = None) -> Response:
        """Cancel an order that is not final, with a reason."""
        return self._step(request, ReasonInput, work_orders.cancel_work_order)

    def _step(self, request: Request, body: Any, step: Any) -> Response:
        order = self.get_object()
        values = read_body(body, request)
        if signature := values.pop("signature", None):
            version = values.pop("version", None)
            return self._signed(request, order, str(self.action), signature, values.get("reason", ""), version)
        version = expected_version(request, values.pop("version", None))
        return self.answer(step(work_order_id=order.pk, expected_version=version, **values))

    def _signed(
        self, request: Request, order: WorkOrder, step: str, given: dict[str, Any], comment: str, version: int | None
    ) -> Response:
        """Give the next signature of a step, in full: a program has no series of signatures."""
        version = expected_version(request, version)
        asked = WORK_ORDER.rounds(order).get(step)
        number = given.get("number") or (asked.next.step if asked else None)
        identity = confirm_identity(
            user=request.user, username=given["username"], password=given["password"], code=given.get("code", "")
        )
        signing = Signing(
            identity=identity,
            meaning=given["meaning"],
            comment=comment,
            digest=given.get("digest", ""),
            step=number,
        )
        signed, _signature = sign_work_order_step(
            work_order_id=order.pk, step=step, signing=signing, expected_version=version
        )
        return self.answer(signed)

    @extend_schema(responses=SignatureSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def signatures(self, request: Request, pk: Any = None) -> Response:
        """Signatures on the order, oldest first, and whether it still is what was signed."""
        return Response(SignatureSerializer(signatures_of(self.get_object()), many=True).data)

    @extend_schema(responses=HistorySerializer, filters=False)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def history(self, request: Request, pk: Any = None) -> Response:
        """Every version and every step of the order and its operations."""
        order = self.get_object()
        versions = order.history.select_related("history_user").order_by("history_date", "history_id")
        facts = {"versions": versions, "state_changes": steps_of(order)[::-1]}
        return Response(HistorySerializer(facts).data)


class SourceNamedWorkOrderViewSet(WorkOrderViewSet):
    """The addresses of DES-30..32. Not in the schema, which would show everything twice."""

    schema = None


def _refuse_fixed(order: WorkOrder, values: dict[str, Any]) -> None:
    """Drop what came back unchanged; refuse what nobody may set."""
    changed = [name for name in FIXED if name in values and values.pop(name) != getattr(order, name)]
    if changed:
        raise InvalidInput(
            str(_("These fields cannot be set: %(fields)s.")) % {"fields": ", ".join(changed)},
            fields={name: _("Cannot be set.") for name in changed},
        )
