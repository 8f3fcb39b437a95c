"""Importing the NIST run a second time, over other data, and from broken files: never half of it."""

import shutil
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from accounts.models import User
from equipment.models import Site
from tests.shared import SHARED, shared

pytestmark = pytest.mark.django_db

NIST = SHARED / "data" / "nist-sms-box-assembly"


@pytest.fixture(scope="module", autouse=True)
def data_is_there() -> None:
    shared("data", "nist-sms-box-assembly")


def run_import(folder: Path = NIST) -> str:
    out = StringIO()
    call_command("import_nist_box_assembly", str(folder), stdout=out)
    return out.getvalue()


def rows_of_every_table() -> dict[str, int]:
    """Accounts aside, whose groups and permissions migrations fill."""
    return {
        model._meta.label: model._base_manager.count()
        for app in ("audit", "equipment", "inventory", "production", "quality")
        for model in apps.get_app_config(app).get_models()
        if model._meta.managed
    }


def test_a_second_import_changes_nothing_and_says_so() -> None:
    run_import()
    before = rows_of_every_table()

    said = run_import()

    assert said == "These files were imported before: nothing changed.\n"
    assert rows_of_every_table() == before


def test_an_existing_site_is_kept(plant) -> None:
    run_import()

    assert list(Site.objects.values_list("code", flat=True)) == [plant.site.code]


def test_without_a_site_the_test_bed_becomes_one() -> None:
    run_import()

    assert Site.objects.get().tz == ZoneInfo("America/New_York")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "nist copy"
    shutil.copytree(NIST, folder, ignore=shutil.ignore_patterns("split", "setup"), copy_function=shutil.copyfile)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


def replace_in(file: Path, line: int, old: str, new: str) -> None:
    lines = file.read_text(encoding="utf-8").split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    file.write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "line", "old", "new"),
    [
        ("derived/op_runs.csv", 185, "Hurco04", "Hurco99"),
        ("derived/qif_measurements.csv", 1941, "PASS", "MAYBE"),
        ("clean-stream/2-1-2017-Hurco04-Clean.txt", 66155, "PROGRAM_STOPPED", "PROGRAM_LOST"),
    ],
)
def test_a_malformed_row_imports_nothing(copy: Path, file: str, line: int, old: str, new: str) -> None:
    before = rows_of_every_table()
    replace_in(copy / file, line, old, new)

    with pytest.raises(CommandError, match=rf"{Path(file).name} line {line}: "):
        run_import(copy)

    assert rows_of_every_table() == before
    assert not User.objects.filter(username="nist-import").exists()


def test_a_refusal_in_the_last_step_leaves_nothing_behind(copy: Path) -> None:
    """The file is well formed; the database finds out only after orders and runs are written."""
    before = rows_of_every_table()
    stream = copy / "clean-stream" / "2-1-2017-Hurco04-Clean.txt"
    shutil.copyfile(stream, stream.with_name("2-2-2017-Hurco04-Clean.txt"))

    with pytest.raises(CommandError, match="already has a state"):
        run_import(copy)

    assert rows_of_every_table() == before


def test_other_files_for_the_same_orders_are_refused(copy: Path) -> None:
    run_import()
    before = rows_of_every_table()
    replace_in(copy / "derived" / "qif_measurements.csv", 3, "0.004", "0.005")

    with pytest.raises(CommandError, match="other files"):
        run_import(copy)

    assert rows_of_every_table() == before


@pytest.mark.parametrize(
    "missing", ["derived/op_runs.csv", "qif/PlateResults_20_samples.QIF", "derived/qif_measurements.csv"]
)
def test_a_missing_file_is_named(copy: Path, missing: str) -> None:
    (copy / missing).unlink()

    with pytest.raises(CommandError, match=Path(missing).name):
        run_import(copy)
