"""Our figures against published ones."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from quality.importers.nist_box_assembly.measurements import MeasuredValue, read_measurements
from quality.spc import Capability, capability, individuals_chart
from tests.shared import SHARED, shared

NIST = SHARED / "data" / "nist-sms-box-assembly"
ORACLES = SHARED / "oracles"


@pytest.fixture(scope="module", autouse=True)
def data_is_there() -> None:
    shared("data", "nist-sms-box-assembly")
    shared("oracles")


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return json.loads((ORACLES / "published_results.json").read_text())


@pytest.fixture(scope="module")
def plate_studies() -> list[tuple[dict[str, str], list[MeasuredValue]]]:
    """Each published study with the values it was made of: the plate, NIST's laboratory, file order."""
    values: dict[str, list[MeasuredValue]] = {}
    for value in read_measurements(NIST / "derived" / "qif_measurements.csv"):
        if (value.part, value.lab) == ("Plate", "NIST-Mitutoyo"):
            values.setdefault(value.characteristic, []).append(value)
    studies = rows(NIST / "derived" / "qif_published_capability.csv")
    return [(study, values[study["definition_name"]]) for study in studies]


def compute(values: list[MeasuredValue]) -> Capability:
    """A geometric tolerance has an upper limit and cannot pass 0; that is the width in the published Cp."""
    limits = values[0].limits
    return capability(
        [value.value for value in values],
        limits.lower,
        limits.upper,
        limits.target,
        natural_limit=0 if limits.lower is None else None,
    )


def test_nist_published_37_real_studies_and_the_piece_number(plate_studies: list[Any]) -> None:
    assert len([study for study, values in plate_studies if not values[0].is_identification]) == 37
    assert len(plate_studies) == 38


@pytest.mark.parametrize(
    ("column", "attribute"),
    [
        ("average", "mean"),
        ("stddev", "stdev"),
        ("Cp", "cp"),
        ("Cpk", "cpk"),
        ("Pp", "pp"),
        ("Ppk", "ppk"),
    ],
)
def test_37_published_studies_reproduce_in_file_order(plate_studies: list[Any], column: str, attribute: str) -> None:
    for study, values in plate_studies:
        if not values[0].is_identification:
            ours = getattr(compute(values), attribute)
            assert ours == pytest.approx(float(study[column]), rel=2e-5), study["definition_name"]


def test_another_order_does_not_reproduce_the_short_term_index(plate_studies: list[Any]) -> None:
    study, values = next(pair for pair in plate_studies if pair[0]["definition_name"] == "Diameter 10")

    in_order_of_size = compute(sorted(values, key=lambda value: value.value))

    assert in_order_of_size.cp != pytest.approx(float(study["Cp"]), rel=0.1)
    assert in_order_of_size.pp == pytest.approx(float(study["Pp"]), rel=2e-5)


def test_the_published_index_of_the_piece_number_is_the_larger_side(plate_studies: list[Any]) -> None:
    """Why "Part Number" is left out: its Cpk was printed as if it had no lower limit, though it has one."""
    study, values = next(pair for pair in plate_studies if pair[1][0].is_identification)

    ours = compute(values)

    assert ours.cpu == pytest.approx(float(study["Cpk"]), rel=2e-5)
    assert ours.cpk == ours.cpl == pytest.approx(3.572)


def test_nist_handbook_individuals(published: dict[str, Any]) -> None:
    oracle = published["nist_handbook"]["pmc322_individuals"]

    chart = individuals_chart([float(row["flowrate"]) for row in rows(ORACLES / oracle["data"])])

    assert chart.centre == pytest.approx(oracle["center"], rel=1e-9)
    assert chart.mr_centre == pytest.approx(oracle["MRbar"], rel=1e-7)
    assert chart.lcl == pytest.approx(oracle["LCL_d2_1.128"], abs=5e-5)
    assert chart.ucl == pytest.approx(oracle["UCL_d2_1.128"], abs=5e-5)
    assert chart.beyond == ()


def test_viscosity_individuals_with_and_without_batch_4(published: dict[str, Any]) -> None:
    oracle = published["qcc_3_0"]["viscosity_I_MR"]
    phase_one = [row for row in rows(ORACLES / "viscosity_imr.csv") if row["phase"] == "I"]

    chart = individuals_chart([float(row["viscosity"]) for row in phase_one])
    without_4 = individuals_chart([float(row["viscosity"]) for row in phase_one if row["batch"] != "4"])

    assert chart.centre == pytest.approx(oracle["center"], rel=1e-6)
    assert (chart.lcl, chart.ucl) == pytest.approx((oracle["LCL"], oracle["UCL"]), rel=2e-6)
    assert chart.mr_centre / 1.128 == pytest.approx(oracle["sigma_MR"], rel=1e-6)
    assert [phase_one[i]["batch"] for i in chart.beyond] == ["4"]
    assert (without_4.centre, without_4.lcl, without_4.ucl) == pytest.approx((33.98947, 32.75425, 35.2247), rel=2e-6)


def test_piston_rings_overall_capability(published: dict[str, Any]) -> None:
    """Cp of this study comes from subgroups, which a series of single values does not have."""
    oracle = published["qcc_3_0"]["pistonrings_capability"]
    rings = [float(row["diameter"]) for row in rows(ORACLES / "pistonrings.csv") if row["phase"] == "I"]

    study = capability(rings, oracle["LSL"], oracle["USL"], oracle["target"])

    assert study.n == oracle["nobs"]
    assert study.stdev == pytest.approx(oracle["exact"]["sd_overall"], rel=1e-8)
    assert (study.pp, study.ppk) == pytest.approx((oracle["exact"]["Pp"], oracle["exact"]["Ppk"]), rel=1e-7)


@pytest.mark.parametrize(("file", "name"), [("strd_lew.csv", "lew"), ("strd_lottery.csv", "lottery")])
def test_certified_mean_and_standard_deviation(published: dict[str, Any], file: str, name: str) -> None:
    certified = published["strd_univariate"][name]
    series = [float(next(reversed(row.values()))) for row in rows(ORACLES / file)]

    study = capability(series, None, 10_000)

    assert study.n == certified["n"]
    assert study.mean == pytest.approx(float(certified["mean"]), rel=1e-14)
    assert study.stdev == pytest.approx(float(certified["sd"]), rel=1e-14)
