from quality.models.characteristic import Characteristic
from quality.models.check import Measurement, QualityCheck

__all__ = ["Characteristic", "Measurement", "QualityCheck"]
