"""English and Japanese are complete: nothing missing, nothing fuzzy, nothing compiled from an older text."""

import datetime as dt
import os
import re
import shutil
from pathlib import Path

import django_celery_beat
import polib
import pytest
import simple_history
import unfold
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.utils import translation

from audit.context import permission_label
from mfg_project.common.formats import day, duration, percent
from mfg_project.library_texts import TEXTS

PO = Path(settings.BASE_DIR) / "locale" / "ja" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|%[sd%]|\{\w*\}")


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(PO))


def test_every_text_is_translated(catalogue):
    missing = [entry.msgid for entry in catalogue if not entry.obsolete and not entry.translated()]

    assert missing == []


def test_nothing_is_fuzzy(catalogue):
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []


def test_translations_keep_their_placeholders(catalogue):
    broken = [
        entry.msgid
        for entry in catalogue
        if not entry.obsolete
        and not entry.msgid_plural
        and sorted(PLACEHOLDER.findall(entry.msgid)) != sorted(PLACEHOLDER.findall(entry.msgstr))
    ]

    assert broken == []


def test_the_compiled_catalogue_is_the_present_one(catalogue):
    compiled = polib.mofile(str(PO.with_suffix(".mo")))

    assert {(e.msgctxt, e.msgid): e.msgstr or e.msgstr_plural for e in compiled} == {
        (e.msgctxt, e.msgid): e.msgstr or e.msgstr_plural for e in catalogue.translated_entries()
    }


def test_every_text_of_the_code_is_in_the_catalogue(catalogue, tmp_path, monkeypatch):
    if not shutil.which("xgettext"):
        if os.environ.get("CI") == "true":
            pytest.fail("CI installs gettext")
        pytest.skip("needs gettext (xgettext)")
    apps = ("accounts", "audit", "equipment", "telemetry", "inventory", "production", "quality", "mfg_project")
    for name in (*apps, "templates"):
        shutil.copytree(Path(settings.BASE_DIR) / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "locale").mkdir()
    monkeypatch.chdir(tmp_path)

    call_command("makemessages", locale=["ja"], verbosity=0)

    def texts(po: polib.POFile) -> set[tuple[str | None, str]]:
        return {(e.msgctxt, e.msgid) for e in po if not e.obsolete}

    wanted = polib.pofile(str(tmp_path / "locale" / "ja" / "LC_MESSAGES" / "django.po"))
    assert texts(wanted) - texts(catalogue) == set()
    assert texts(catalogue) - texts(wanted) == set()


def test_every_permission_of_ours_is_translated(catalogue):
    ours = {name for model in apps.get_models() for _codename, name in model._meta.permissions}

    assert ours - {entry.msgid for entry in catalogue.translated_entries()} == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("permission", "english", "japanese"),
    [
        ("production.release_workorder", "Can release a work order", "ワークオーダーのリリース"),
        ("production.add_workorder", "Can add work order", "ワークオーダーの追加"),
    ],
)
def test_a_permission_is_named_in_the_language_of_the_reader(permission, english, japanese):
    with translation.override("en"):
        assert permission_label(permission) == english
    with translation.override("ja"):
        assert permission_label(permission) == japanese


def test_numbers_and_days_are_written_as_japanese_writes_them():
    with translation.override("ja"):
        written = (percent(99.96), duration(3900), duration(273_600), day(dt.date(2026, 1, 31)))

    assert written == ("100.0%", "1時間05分", "3日4時間", "1月31日")


def test_the_libraries_still_say_what_is_translated_for_them():
    packages = (unfold, simple_history, django_celery_beat)
    files = [path for package in packages for path in Path(package.__file__).parent.rglob("*.*")]
    source = "".join(path.read_text() for path in files if path.suffix in (".py", ".html"))
    source = re.sub(r"""["']\s*\n\s*["']""", "", source)  # a text over several lines of code
    source = re.sub(r"{{ *(\w+) *}}", r"%(\1)s", source)

    assert [text for text in TEXTS if text not in source and text.replace('"', '\\"') not in source] == []
