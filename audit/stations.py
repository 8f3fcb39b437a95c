"""Where an act was done: the name a device was given in the plant, kept by its browser and signed by us."""

from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE = "station"
MAX_NAME = 50
_SALT = "audit.station"
_COOKIE_AGE = 400 * 24 * 3600  # browsers keep none longer; a terminal in use is given it anew


def station_of(request: HttpRequest) -> str:
    """Empty for a device nobody has named, and for a name that is not of our making."""
    try:
        name = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT)
    except signing.BadSignature:
        return ""
    return str(name)[:MAX_NAME]


def keep_station(response: HttpResponse, name: str, *, secure: bool) -> None:
    """The browser that gets this response is called `name` from now on; with an empty one it is nameless again."""
    if not name:
        response.delete_cookie(COOKIE, samesite="Lax")
        return
    # Packed as ASCII: a name may be Japanese, a cookie may not.
    value = signing.dumps(name, salt=_SALT)
    response.set_cookie(COOKIE, value, max_age=_COOKIE_AGE, httponly=True, samesite="Lax", secure=secure)
