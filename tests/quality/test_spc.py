"""Capability and individuals chart: what is defined when, whatever the scale of the numbers."""

from decimal import Decimal

import pytest

from quality.spc import capability, individuals_chart


def test_both_limits_give_every_index() -> None:
    study = capability([9.0, 11.0, 9.0, 11.0], 4, 16)

    within, overall = 2 / 1.128, (4 / 3) ** 0.5
    assert study.n == 4
    assert study.mean == 10
    assert study.sigma_within == pytest.approx(within)
    assert study.stdev == pytest.approx(overall)
    assert study.cp == study.cpk == study.cpl == study.cpu == pytest.approx(12 / (6 * within))
    assert study.pp == study.ppk == pytest.approx(12 / (6 * overall))


def test_off_centre_takes_the_nearer_side() -> None:
    study = capability([15.0, 17.0, 15.0, 17.0], 8, 20)

    assert study.cpk == study.cpu == pytest.approx(study.cp * 2 / 3)
    assert study.cpl == pytest.approx(study.cp * 4 / 3)


def test_mean_outside_the_limits_is_a_negative_index() -> None:
    assert capability([21.0, 23.0], 8, 20).cpk < 0


def test_target_off_the_mean_lowers_cpm_only() -> None:
    values = [9.0, 11.0, 9.0, 11.0]

    on_target, off_target = capability(values, 4, 16, 10), capability(values, 4, 16, 12)

    assert on_target.cpm == on_target.cp == off_target.cp
    assert off_target.cpm == pytest.approx(off_target.cp / (1 + (2 / off_target.sigma_within) ** 2) ** 0.5)
    assert capability(values, 4, 16).cpm is None


def test_one_limit_has_the_index_of_its_side_only() -> None:
    upper = capability([1.0, 2.0, 1.0], None, 5)
    lower = capability([1.0, 2.0, 1.0], 0, None)

    assert (upper.cp, upper.cpl, upper.pp, upper.ppl) == (None, None, None, None)
    assert upper.cpk == upper.cpu > 0
    assert upper.ppk == upper.ppu > 0
    assert (lower.cp, lower.cpu) == (None, None)
    assert lower.cpk == lower.cpl > 0


def test_natural_limit_gives_a_width_but_is_no_limit() -> None:
    study = capability([1.0, 2.0, 1.0], None, 5, natural_limit=0)

    assert study.cp == pytest.approx(5 / (6 * study.sigma_within))
    assert study.cpl is None
    assert study.cpk == study.cpu > study.cp


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0, 1.0]])
def test_without_variation_no_index_is_claimed(values: list[float]) -> None:
    study = capability(values, 0, 2)

    assert study.n == len(values)
    assert (study.cp, study.cpk, study.pp, study.ppk) == (None, None, None, None)


def test_decimals_far_from_zero_keep_their_digits() -> None:
    far = [Decimal("10000000000000.2"), Decimal("10000000000000.1"), Decimal("10000000000000.3")]
    near = [Decimal("0.2"), Decimal("0.1"), Decimal("0.3")]

    assert capability(far, None, Decimal("2e13")).stdev == capability(near, None, 1).stdev
    assert individuals_chart(far).mr_centre == individuals_chart(near).mr_centre


def test_decimals_and_floats_may_be_mixed() -> None:
    assert capability([Decimal("1.5"), 2.5], Decimal(0), 4.0).mean == 2


@pytest.mark.parametrize(
    ("values", "lsl", "usl"),
    [
        ([1.0, 2.0], None, None),
        ([1.0, 2.0], 3, 3),
        ([1.0, 2.0], 4, 3),
        ([1.0, float("nan")], 0, 3),
        ([float("inf"), 1.0], 0, 3),
    ],
)
def test_impossible_input_is_refused(values: list[float], lsl: float | None, usl: float | None) -> None:
    with pytest.raises(ValueError, match=r"limit|finite"):
        capability(values, lsl, usl)


def test_chart_names_the_points_beyond_its_limits() -> None:
    chart = individuals_chart([10.0, 10.2, 10.0, 10.2, 10.0, 14.0, 10.0, 10.2, 10.0, 10.2, 10.0, 10.2])

    assert chart.beyond == (5,)
    assert chart.mr_beyond == (4, 5)
    assert len(chart.moving_ranges) == 11


@pytest.mark.parametrize("values", [[], [3.0]])
def test_chart_of_too_few_values_has_no_limits(values: list[float]) -> None:
    chart = individuals_chart(values)

    assert (chart.n, chart.ucl, chart.lcl, chart.mr_ucl, chart.beyond) == (len(values), None, None, None, ())


def test_equal_values_are_all_inside() -> None:
    chart = individuals_chart([0.1] * 9)

    assert (chart.lcl, chart.ucl, chart.beyond, chart.mr_beyond) == (0.1, 0.1, (), ())
