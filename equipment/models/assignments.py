from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel
from equipment.models.hierarchy import ProductionLine


class LineAssignment(AuditedModel):
    """A line an account works on. Who has none that is active works on the whole plant (`equipment.scope`).

    Taken back by switching it off: the row and its history say who worked where.
    """

    LINE: ClassVar[str] = "line"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="line_assignments", verbose_name=_("user")
    )
    line = models.ForeignKey(
        ProductionLine, on_delete=models.PROTECT, related_name="assignments", verbose_name=_("production line")
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("line assignment")
        verbose_name_plural = _("line assignments")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "line"],
                name="lineassignment_once",
                violation_error_message=_("This line is assigned to the user already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.line}"
