from audit.models import VerificationRun


def last_run() -> VerificationRun | None:
    """The newest verification, or None when none has ended yet."""
    return VerificationRun.objects.order_by("-ended", "-id").first()
