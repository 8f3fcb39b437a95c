from django.db import models
from django.utils.translation import gettext_lazy


class Meaning(models.TextChoices):
    """Why a person signs (21 CFR 11.50(a)(3)). The words of a code never change: another meaning is another code."""

    RELEASED = "released", gettext_lazy("Released for production")
    REVIEWED = "reviewed", gettext_lazy("Reviewed and released")
    APPROVED = "approved", gettext_lazy("Approved for production")
    VERIFIED = "verified", gettext_lazy("Checked and found correct")
    PERFORMED = "performed", gettext_lazy("Performed as recorded")
    AUTHORISED = "authorised", gettext_lazy("Authorised")
    TRAIL_REVIEWED = "trail_reviewed", gettext_lazy("Audit trail reviewed")
