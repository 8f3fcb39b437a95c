"""What a person chose to sign together, as it was shown; kept in the session over a fresh login at the provider.

In the session and not in the address: fifty digests are too long for one, and a comment is nobody's address.
"""

from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.crypto import get_random_string

MOST = 50  # records
_KEPT, _TABS = "signing_together", 5  # key in the session; how many pages of one session may be on their way
_BOX = "sign_"


@dataclass(frozen=True, slots=True)
class Choice:
    step: str = ""
    records: list[str] = field(default_factory=list)  # on the page
    shown: dict[str, str] = field(default_factory=dict)  # of those that are checked: digest and number, as drawn
    meaning: str = ""
    comment: str = ""
    is_first: bool = False  # nobody has checked or unchecked anything yet

    @property
    def keys(self) -> list[UUID]:
        return [UUID(record) for record in self.records]


def choice_of(request: HttpRequest) -> Choice:
    """As posted, as kept before the way to the provider, or as an address names the records."""
    if request.method == "POST":
        posted = request.POST
        shown = {key: posted[_BOX + key] for key in _records(posted) if _BOX + key in posted}
        return Choice(step=posted.get("step", ""), records=_records(posted), shown=shown)
    kept = request.session.get(_KEPT, {}).get(request.GET.get("kept", ""))
    if kept is not None:
        return Choice(**kept)
    return Choice(step=request.GET.get("step", ""), records=_records(request.GET), is_first=True)


def address_of(request: HttpRequest, choice: Choice) -> str:
    """Where the same choice is found again, in this session."""
    token = get_random_string(12)
    others = list(request.session.get(_KEPT, {}).items())[-(_TABS - 1) :]
    request.session[_KEPT] = dict([*others, (token, asdict(choice) | {"is_first": False})])
    return f"{reverse('signing:batch')}?{urlencode({'kept': token})}"


def _records(data: QueryDict) -> list[str]:
    return [str(key) for key in map(_uuid, data.getlist("record")[:MOST]) if key]


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None  # no key of anything
