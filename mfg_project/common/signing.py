"""One signing door for pages: what is signed, who signed before, what the signature means, and who signs.

A page of any type of record makes a `SignDialog` and draws `components/sign_dialog.html`, or puts
`components/signature_fields.html` with a `SignatureForm` into a form of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit.canonical import canonical_json, digest
from audit.errors import DomainError, MissingPermission, StaleVersion, TransitionRefused
from audit.policies import Round, role_words
from audit.signatures import Signing, meaning_label, signed_when
from audit.signing_forms import SignatureForm

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Part:
    """One of the signatures of a step: given by somebody, or still asked for."""

    meaning: str
    roles: str = ""
    signed_by: str = ""
    when: str = ""
    is_next: bool = False


@dataclass(slots=True, kw_only=True)
class SignDialog:
    title: Any
    subject: str  # the record
    button: Any
    rows: Sequence[Any]  # of label and text: the content in the reader's words
    content: dict[str, Any]
    form: SignatureForm | None
    parts: list[Part] = field(default_factory=list)
    refused: str = ""
    changed: str = ""
    is_danger: bool = False

    @property
    def digest(self) -> str:
        """What the form carries: after a refusal the signer still sees what the posted digest stands for."""
        return digest(self.content)

    @property
    def canonical(self) -> str:
        return canonical_json(self.content).decode()

    @property
    def several(self) -> bool:
        return len(self.parts) > 1


def parts_of(asked: Round | None) -> list[Part]:
    if asked is None:
        return []
    given = [
        Part(meaning_label(one), signed_by=f"{one.signer_name}, {one.signer_title}", when=signed_when(one))
        for one in asked.given
    ]
    missing = [
        Part(" / ".join(one.meaning_labels), role_words(one.roles), is_next=one is asked.missing[0])
        for one in asked.missing
    ]
    return given + missing


def signature_form(
    request: HttpRequest, asked: Round, *, needs_reason: bool = False, data: Any = None, kept: Any = None
) -> SignatureForm:
    """The form of the next signature; `kept` is what the signer entered before the content changed."""
    return SignatureForm(
        data,
        request=request,
        meanings=asked.next.meanings,
        needs_comment=_("Reason") if needs_reason else "",
        initial={"digest": asked.digest, "step": asked.next.step} | (kept or {}),
    )


def still_as_read(form: SignatureForm, asked: Round | None) -> None:
    """Asked before the password, so that nobody proves who they are for what they did not see."""
    if asked is None or asked.digest != form.cleaned_data["digest"]:
        raise StaleVersion(_("The content changed since you opened it. Nothing was signed. Read it again."))
    if asked.next.step != form.cleaned_data["step"]:
        raise StaleVersion(_("The signatures changed since you opened it. Nothing was signed. Read it again."))


@dataclass(frozen=True, slots=True)
class NotSigned:
    """What came instead: the form says why, or (`refused`, `changed`) the dialog does."""

    status: int
    refused: str = ""
    changed: str = ""


def sign_with(form: SignatureForm, asked: Round | None, act: Callable[[Signing], Outcome]) -> "Outcome | NotSigned":
    """Confirm who signs and let the service sign. A missing permission is left to the page."""
    if not form.is_valid():
        return NotSigned(422)
    try:
        still_as_read(form, asked)
        return act(form.signing(form.confirm()))
    except StaleVersion as changed:
        return NotSigned(409, changed=str(changed))
    except TransitionRefused as refused:
        return NotSigned(409, refused=str(refused))
    except MissingPermission:
        raise
    except DomainError as refused:
        form.show_refusal(refused)
        return NotSigned(422)
