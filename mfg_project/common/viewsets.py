"""The one shape of our endpoints: reading is generic, every write is one service call."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from audit.access import visible
from audit.errors import NotFound
from mfg_project.common.versions import etag_of

UUID_PATTERN = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
ROW_PATTERN = "[0-9]{1,18}"


class VisibleRows:
    """What the account may not see does not exist: it is in no list, and its address answers 404."""

    def get_queryset(self) -> QuerySet[Any]:
        return visible(super().get_queryset())  # type: ignore[misc]


class RecordViewSet(VisibleRows, viewsets.ReadOnlyModelViewSet):
    """Lists and single records. Every change is an action or method of a subclass that calls one service."""

    lookup_value_regex = UUID_PATTERN
    detail_serializer_class: type[BaseSerializer] | None = None
    # What each action needs beyond reading the record: one of these permissions. A write that is not here is refused.
    action_permissions: ClassVar[dict[str, tuple[str, ...]]] = {}
    not_found: Any = gettext_lazy("This record does not exist.")

    def get_object(self) -> Any:
        try:
            return super().get_object()
        except Http404 as missing:
            raise NotFound(str(self.not_found)) from missing

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_object())

    def get_detail_serializer(self, record: Any) -> BaseSerializer:
        serializer_class = self.detail_serializer_class or self.get_serializer_class()
        return serializer_class(record, context=self.get_serializer_context())

    def answer(self, record: Any, *, status: int = 200) -> Response:
        """One record, with the version to send back in If-Match where it has one."""
        headers = {"ETag": etag} if (etag := etag_of(record)) else None
        return Response(self.get_detail_serializer(record).data, status=status, headers=headers)

    def created(self, record: Any) -> Response:
        response = self.answer(record, status=201)
        response["Location"] = self.reverse_action("detail", args=[record.pk])
        return response


def read_body(serializer_class: Any, request: Request, *, record: Any = None, partial: bool = False) -> dict[str, Any]:
    """The checked body, in the names the services use. Raises ValidationError."""
    if not isinstance(request.data, dict):
        raise exceptions.ValidationError([_("The body must be a JSON object.")])
    serializer = serializer_class(record, data=request.data, partial=partial, context={"request": request})
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values
