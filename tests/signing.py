"""Filling in a form that asks for a signature, as a person does: from what the page has drawn."""

from typing import Any

from tests.conftest import PASSWORD


def form_of(page: Any) -> Any:
    dialog = page.context.get("dialog")
    return dialog.form if dialog is not None else page.context["form"]


def filled(page: Any, user: Any, **entered: Any) -> dict[str, Any]:
    """What is posted: the drawn names of the secrets, the digest and the number that were shown."""
    form = form_of(page)
    values = {
        "digest": form.initial.get("digest", ""),  # of a batch each record brings its own
        "step": form.initial.get("step", ""),
        "meaning": "released",
        "comment": "",
        "username": user.get_username() if form.asks_name else "",
        "password": PASSWORD,
    } | entered
    posted = {form.names.get(name, name): value for name, value in values.items()}
    return posted | {"names": form.sealed_names}
