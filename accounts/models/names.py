"""What two spellings of one user name have in common."""

from django.db import models
from django.db.models import Func


class OneName(Func):
    """Unicode's caseless match: width and composition of letters, then full case folding ("Straße" is "STRASSE").

    By a function of our own in the database, which asks no locale: `lower()` leaves ß and ς as they are, folds nothing
    but ASCII where the database's locale is C, and I to ı where it is Turkish.
    """

    function = "accounts_one_name"
    output_field = models.TextField()


class SameName(Func):
    """How names were compared until migration 0006, which alone still needs it."""

    template = "lower(normalize(%(expressions)s, NFKC))"
    output_field = models.TextField()
