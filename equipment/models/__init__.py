from equipment.models.assignments import LineAssignment
from equipment.models.hierarchy import Area, Equipment, ProductionLine, Site
from equipment.models.states import LineStateInterval, ReasonCode

__all__ = ["Area", "Equipment", "LineAssignment", "LineStateInterval", "ProductionLine", "ReasonCode", "Site"]
