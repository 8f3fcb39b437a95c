"""What the demo plant consists of: plain facts, written down once and created through the services."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from audit.master_data import create_record
from equipment.enums import ReasonKind
from equipment.models import Area, Equipment, ProductionLine, ReasonCode, Site
from inventory.models import Material
from production.models import Routing, RoutingOperation, Shift
from quality.models import Characteristic

TIME_ZONE = "Asia/Tokyo"
DAY_START = dt.time(6)
SHIFTS = {"Early": (6, 14), "Late": (14, 22), "Night": (22, 6)}


@dataclass(frozen=True, slots=True)
class OperationSpec:
    sequence: int
    name: str
    run_s: float  # standard time per piece
    setup_s: int
    scrap_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductSpec:
    code: str
    name: str
    share: int  # of the line's orders
    operations: tuple[OperationSpec, ...]

    @property
    def seconds_per_piece(self) -> float:
        return sum(operation.run_s for operation in self.operations)


@dataclass(frozen=True, slots=True)
class LineSpec:
    number: int
    code: str
    name: str
    area: str
    target: int
    machines: tuple[tuple[str, str, str], ...]  # code, name, kind
    products: tuple[ProductSpec, ...]
    speed: float  # typical share of the standard speed
    scrap_rate: float
    seconds_between_stops: float


@dataclass(frozen=True, slots=True)
class CharacteristicSpec:
    product: str
    code: str
    name: str
    kind: str
    unit: str
    target: str | None
    lower: str | None
    upper: str | None
    after_operation: int | None


def _relay(coil_s: float) -> tuple[OperationSpec, ...]:
    return (
        OperationSpec(10, "Wind coil", coil_s, 240, ("SURF", "START")),
        OperationSpec(20, "Assemble", 4.8, 360, ("FIT", "SURF")),
        OperationSpec(30, "Test and mark", 2.4, 120, ("TEST",)),
    )


def _shaft(turn_s: float, grind_s: float) -> tuple[OperationSpec, ...]:
    return (
        OperationSpec(10, "Turn", turn_s, 780, ("DIM", "START", "SURF")),
        OperationSpec(20, "Grind", grind_s, 540, ("DIM", "SURF")),
        OperationSpec(30, "Wash and gauge", 2.0, 60, ("DIM",)),
    )


LINES = (
    LineSpec(
        number=1,
        code="LINE-1",
        name="Relay assembly",
        area="A",
        target=80,
        machines=(
            ("R1-WIND", "Coil winder", "winding machine"),
            ("R1-ASSY", "Assembly cell", "assembly cell"),
            ("R1-TEST", "End-of-line tester", "test station"),
        ),
        products=(
            ProductSpec("RLY-12V", "Power relay 12 V", 5, _relay(3.6)),
            ProductSpec("RLY-24V", "Power relay 24 V", 3, _relay(4.2)),
        ),
        speed=0.95,
        scrap_rate=0.009,
        seconds_between_stops=3000,
    ),
    LineSpec(
        number=2,
        code="LINE-2",
        name="Shaft machining",
        area="M",
        target=70,
        machines=(
            ("S2-TURN", "Multi-spindle lathe", "lathe"),
            ("S2-GRIND", "Centreless grinder", "grinder"),
            ("S2-WASH", "Washer with gauge", "washing machine"),
        ),
        products=(
            ProductSpec("SHF-08", "Pump shaft 8 h6", 5, _shaft(5.2, 4.4)),
            ProductSpec("SHF-12", "Motor shaft 12 h6", 3, _shaft(6.0, 5.0)),
            ProductSpec(
                "PIN-05",
                "Dowel pin 5 m6",
                2,
                (
                    OperationSpec(10, "Turn", 3.0, 600, ("DIM", "START")),
                    OperationSpec(20, "Grind", 3.2, 480, ("DIM", "SURF")),
                ),
            ),
        ),
        speed=0.91,
        scrap_rate=0.019,
        seconds_between_stops=2300,
    ),
)
PRODUCTS = {product.code: product for line in LINES for product in line.products}

CHARACTERISTICS = (
    CharacteristicSpec("SHF-08", "D1", "Bearing seat diameter", "Diameter", "mm", "7.9955", "7.9910", "8.0000", 20),
    CharacteristicSpec("SHF-08", "L1", "Overall length", "Length", "mm", "42.000", "41.900", "42.100", None),
    CharacteristicSpec("SHF-08", "RA", "Surface roughness Ra", "Roughness", "µm", None, None, "0.80", 20),
    CharacteristicSpec("RLY-12V", "R20", "Coil resistance at 20 °C", "Resistance", "Ω", "160.0", "152.0", "168.0", 10),
    CharacteristicSpec("RLY-12V", "UP", "Pull-in voltage", "Voltage", "V", None, None, "9.00", 30),
)

STOP, SCRAP, HOLD = ReasonKind.STOP, ReasonKind.SCRAP, ReasonKind.HOLD
REASONS = (  # kind, code, English, Japanese, planned
    (STOP, "JAM", "Part jam", "ワーク詰まり", False),
    (STOP, "ADJ", "Adjustment", "調整", False),
    (STOP, "TOOL", "Tool change", "工具交換", False),
    (STOP, "MAT", "Waiting for material", "材料待ち", False),
    (STOP, "FAULT", "Machine fault", "設備故障", False),
    (STOP, "AWAY", "Nobody at the line", "作業者不在", False),
    (STOP, "BREAK", "Break", "休憩", True),
    (STOP, "CLEAN", "Planned cleaning", "計画清掃", True),
    (STOP, "NO-ORDER", "No order planned", "生産予定なし", True),
    (SCRAP, "DIM", "Out of tolerance", "寸法不良", False),
    (SCRAP, "SURF", "Scratch or dent", "傷・打痕", False),
    (SCRAP, "FIT", "Wrongly assembled", "組付け不良", False),
    (SCRAP, "TEST", "Failed the test", "検査不合格", False),
    (SCRAP, "START", "Start-up piece", "立ち上げ時の不良", False),
    (HOLD, "H-MAT", "Material missing", "材料欠品", False),
    (HOLD, "H-QUALITY", "Quality question", "品質確認待ち", False),
    (HOLD, "H-URGENT", "A more urgent order", "特急品の割り込み", False),
)


@dataclass(frozen=True, slots=True)
class Plant:
    """The created records by their codes."""

    lines: dict[str, ProductionLine]
    products: dict[str, Material]
    reasons: dict[str, ReasonCode]
    characteristics: dict[tuple[str, str], Characteristic]


def find_plant() -> Plant | None:
    """The demo plant as it is in the database; None before it was loaded."""
    lines = {line.line_code: line for line in ProductionLine.objects.filter(line_code__in=[s.code for s in LINES])}
    if len(lines) < len(LINES):
        return None
    products = {m.product_code: m for m in Material.objects.filter(product_code__in=PRODUCTS)}
    reasons = {r.code: r for r in ReasonCode.objects.filter(code__in=[code for _kind, code, *_ in REASONS])}
    known = Characteristic.objects.filter(product__in=products.values()).select_related("product")
    return Plant(lines, products, reasons, {(c.product.product_code, c.code): c for c in known})


def make_equipment() -> dict[str, ProductionLine]:
    site = Site.objects.first() or create_record(  # the NIST import may have made one
        Site, code="GENBA", name="Genba Demo Plant", time_zone=TIME_ZONE, production_day_start=DAY_START
    )
    areas = {
        code: create_record(Area, site=site, code=code, name=name)
        for code, name in {"A": "Assembly hall", "M": "Machining hall"}.items()
    }
    lines = {}
    for spec in LINES:
        lines[spec.code] = line = create_record(
            ProductionLine,
            area=areas[spec.area],
            line_code=spec.code,
            line_name=spec.name,
            capacity_per_hour=int(3600 / min(product.seconds_per_piece for product in spec.products)),
            efficiency_rate=Decimal(spec.target),
        )
        for code, name, kind in spec.machines:
            create_record(Equipment, line=line, code=code, name=name, kind=kind)
    return lines


def make_reasons() -> dict[str, ReasonCode]:
    return {
        code: create_record(
            ReasonCode, kind=kind, code=code, name=name, name_ja=name_ja, is_planned=is_planned, sort_order=10 * order
        )
        for order, (kind, code, name, name_ja, is_planned) in enumerate(REASONS, start=1)
    }


def make_products() -> dict[str, Material]:
    return {spec.code: _product(spec) for line in LINES for spec in line.products}


def _product(spec: ProductSpec) -> Material:
    product = create_record(
        Material,
        product_code=spec.code,
        product_name=spec.name,
        product_type="finished",
        standard_cycle_time=Decimal(str(round(spec.seconds_per_piece / 60, 4))),
        target_yield_rate=Decimal(97),
        overproduction_tolerance=Decimal(2),
    )
    routing = create_record(Routing, product=product)
    for operation in spec.operations:
        create_record(
            RoutingOperation,
            routing=routing,
            sequence=operation.sequence,
            name=operation.name,
            run_time_seconds=Decimal(str(operation.run_s)),
            setup_time_seconds=Decimal(operation.setup_s),
        )
    return product


def make_shifts() -> None:
    for name, (start, end) in SHIFTS.items():
        create_record(Shift, name=name, start_time=dt.time(start), end_time=dt.time(end))


def make_characteristics(products: dict[str, Material]) -> dict[tuple[str, str], Characteristic]:
    return {
        (spec.product, spec.code): create_record(
            Characteristic,
            product=products[spec.product],
            code=spec.code,
            name=spec.name,
            kind=spec.kind,
            unit=spec.unit,
            operation_sequence=spec.after_operation,
            **{
                name: None if text is None else Decimal(text)
                for name, text in (("target", spec.target), ("lower_limit", spec.lower), ("upper_limit", spec.upper))
            },
        )
        for spec in CHARACTERISTICS
    }
