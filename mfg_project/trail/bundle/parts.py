"""What belongs to a record besides its own row, and in which unit its values are."""

from dataclasses import dataclass

from django.apps import apps
from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of `label` whose `column` is the key of the record, or of a row of `of`; or the one that `link` names."""

    label: str
    column: str = ""
    of: str = ""  # label of another part
    link: str = ""  # column of the record itself

    @property
    def model(self) -> type[Model]:
        return apps.get_model(self.label)


_COUNTED = (
    Part("production.QuantityReport", "job_order_id", of="production.JobOrder"),
    Part("production.OperationRun", "job_order_id", of="production.JobOrder"),
)
# A record that is not here is exported by itself.
PARTS: dict[str, tuple[Part, ...]] = {
    "production.WorkOrder": (
        Part("production.Batch", link="batch_id"),
        Part("production.JobOrder", "work_order_id"),
        *_COUNTED,
        Part("quality.QualityCheck", "work_order_id"),
        Part("quality.Measurement", "check_record_id", of="quality.QualityCheck"),
    ),
    "production.JobOrder": (
        Part("production.QuantityReport", "job_order_id"),
        Part("production.OperationRun", "job_order_id"),
    ),
    "production.Routing": (Part("production.RoutingOperation", "routing_id"),),
    "quality.QualityCheck": (Part("quality.Measurement", "check_record_id"),),
    "accounts.User": (
        Part("accounts.User_groups", "user_id"),
        Part("accounts.SigningQualification", "user_id"),
        Part("equipment.LineAssignment", "user_id"),
    ),
}

# (label, column) -> where the unit stands: a column of the row, or a column and a way from there.
_OF_ORDER = "work_order_id__uom"
UNITS: dict[tuple[str, str], str] = {
    ("production.WorkOrder", "planned_quantity"): "uom",
    ("production.WorkOrder", "actual_quantity"): "uom",
    **{("production.JobOrder", name): _OF_ORDER for name in ("good", "scrap", "rework")},
    **{("production.QuantityReport", name): "job_order_id__work_order__uom" for name in ("good", "scrap", "rework")},
    **{("quality.Measurement", name): "characteristic_id__unit" for name in ("value", "lower_limit", "upper_limit")},
    **{("quality.Characteristic", name): "unit" for name in ("target", "lower_limit", "upper_limit")},
}


def parts_of(model: type[Model]) -> tuple[Part, ...]:
    return PARTS.get(model._meta.label, ())
