"""Asking for pages the way htmx does."""


def fragment(target: str) -> dict[str, str]:
    """Request headers for the part of a page with this id."""
    return {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": target}
