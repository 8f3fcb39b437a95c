from django.core.exceptions import PermissionDenied
from django.http import Http404

from audit.errors import DomainError, MissingPermission, NotFound


def stop(refused: DomainError) -> None:
    """What no form can mend is a page of its own; the rest is for the form to say."""
    if isinstance(refused, MissingPermission):
        raise PermissionDenied(str(refused)) from refused
    if isinstance(refused, NotFound):
        raise Http404(str(refused)) from refused
