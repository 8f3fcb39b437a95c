"""What a signature asks a person for, the same wherever something is signed.

The fields of the secrets are called differently each time the form is drawn, so that a browser that keeps passwords
does not fill them: signing is typing. Which names were drawn is told by the form itself, signed for its user.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.errors import DomainError, InvalidInput, SignatureRefused
from audit.meanings import Meaning
from audit.signatures import ConfirmedIdentity, Signing, confirm_identity
from audit.signing_windows import sitting_of, usable

ROTATED = ("username", "password", "code")
NAMES = "names"
_SALT = "audit.signing_forms"
_FORM_LASTS = 12 * 3600  # seconds; the session itself is not older
_SECRETS = {"password": gettext_lazy("Password"), "pin": gettext_lazy("Signing PIN")}


class TypedAnew(forms.TextInput):
    """Never drawn with what was typed before."""

    def format_value(self, value: Any) -> None:
        return None


class SignatureForm(forms.Form):
    """Meaning and comment, then who signs: the user name unless a series is open, and what only this person knows.

    `digest` and `step` say what the signer was shown: the content, and which of the signatures it is.
    """

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    step = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    meaning = forms.ChoiceField(label=gettext_lazy("Meaning of the signature"), widget=forms.RadioSelect)
    comment = forms.CharField(label=gettext_lazy("Comment"), max_length=500, required=False)
    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=150,
        required=False,
        error_messages={"required": gettext_lazy("Enter your user name as well: no series of signatures is open.")},
        widget=TypedAnew(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_SECRETS["password"],
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    code = forms.CharField(
        label=gettext_lazy("One-time code"),
        max_length=20,
        widget=TypedAnew(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )

    def __init__(
        self, data: Any = None, *, request: HttpRequest, meanings: Sequence[str], needs_comment: Any = "", **kwargs: Any
    ) -> None:
        self.request = request
        self.names = {name: f"s{get_random_string(12)}" for name in ROTATED}
        self.names_known = True
        super().__init__(None if data is None else self._with_present_names(data), **kwargs)
        self.in_series = usable(request.user, sitting_of(request)) is not None
        self._ask_who()
        choices = [(meaning, Meaning(meaning).label) for meaning in meanings]
        self.fields["meaning"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.initial.setdefault("meaning", choices[0][0])
        if needs_comment:
            self.fields["comment"].required, self.fields["comment"].label = True, needs_comment

    comes_back_to = ""  # after the provider; where the address of the request does not say what was entered

    def add_prefix(self, field_name: str) -> str:
        return self.names.get(field_name, field_name)

    @property
    def asks_name(self) -> bool:
        return not self.in_series

    def shown(self) -> list[forms.BoundField]:
        """What is asked for, in order; a name is still looked at when one came from a form drawn before the series."""
        return [field for field in self.visible_fields() if field.name != "username" or self.asks_name]

    @property
    def sealed_names(self) -> str:
        return signing.dumps([str(self.request.user.pk), self.names], salt=_SALT)

    def _with_present_names(self, data: Any) -> Any:
        """What came under the names of the form that was filled in, under those of the one that is drawn now."""
        data = data.copy()
        try:
            user, names = signing.loads(data.get(NAMES, ""), salt=_SALT, max_age=_FORM_LASTS)
        except signing.BadSignature:
            user, names = "", {}
        self.names_known = user == str(self.request.user.pk)
        for name in ROTATED:
            if self.names_known and names.get(name) in data:
                data[self.names[name]] = data[names[name]]
        return data

    def _ask_who(self) -> None:
        """The name only where no series is open; the secrets as the account presents them."""
        secrets = self.request.user.signs_with()  # type: ignore[union-attr]
        self.fields["username"].required = self.asks_name
        private = next((name for name in secrets if name in _SECRETS), "password")
        self.fields["password"].label = _SECRETS[private]
        if "temporary" in secrets:
            self.fields["code"].label = _("Temporary code")
        elif "totp" not in secrets:
            del self.fields["code"]
        self.at_provider = "provider" in secrets
        if self.at_provider:  # nothing is typed: the page leads there, and is opened anew
            del self.fields["password"]

    @property
    def leads_to_provider(self) -> str:
        """Where the person is confirmed first; empty when nothing is asked there, or it has just been answered."""
        if not self.at_provider or self.request.user.is_confirmed_at_provider():  # type: ignore[union-attr]
            return ""
        back = self.comes_back_to or self.request.get_full_path()
        return f"{reverse('accounts:provider-confirm')}?{urlencode({'next': back})}"

    @property
    def provider_name(self) -> str:
        return str(settings.OIDC_NAME)

    def clean(self) -> dict[str, Any] | None:
        if not self.names_known:
            self.errors.clear()
            raise ValidationError(_("This form is too old or not yours. Enter your signature again."))
        return super().clean()

    def confirm(self) -> ConfirmedIdentity:
        """Who signs, from what was typed. Before the transaction; raises SignatureRefused."""
        entered = self.cleaned_data
        return confirm_identity(
            user=self.request.user,
            username=entered.get("username", ""),
            password=entered.get("password", ""),
            code=entered.get("code", ""),
            sitting=sitting_of(self.request),
        )

    def signing(self, identity: ConfirmedIdentity) -> Signing:
        entered = self.cleaned_data
        return Signing(
            identity=identity,
            meaning=entered["meaning"],
            comment=entered["comment"],
            digest=entered["digest"],
            step=entered["step"],
        )

    def show_refusal(self, refused: DomainError) -> None:
        """Beside the secret when it was not accepted, beside what a service names, else above the form."""
        if isinstance(refused, SignatureRefused):
            self.add_error("password" if "password" in self.fields else None, str(refused))
            return
        fields = refused.fields if isinstance(refused, InvalidInput) else {}
        named = {("comment" if name == "reason" else name): str(text) for name, text in fields.items()}
        shown = {name: text for name, text in named.items() if name in self.fields}
        if str(refused) not in shown.values():
            self.add_error(None, str(refused))
        for name, text in shown.items():
            self.add_error(name, text)
