"""The rules every template keeps: nothing inline (the content security policy would refuse it), no dead names."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted(
    path for folder in ROOT.glob("**/templates") if ".venv" not in folder.parts for path in folder.rglob("*.html")
)
ICONS = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static" / "icons.svg").read_text()))
FORBIDDEN = {
    "style attribute": r"<[^>]*\sstyle\s*=",
    "handler attribute": r"<[^>]*\s(?:on[a-z]+|hx-on[:\w-]*)\s*=",
    "inline script": r"<script(?![^>]*\ssrc=)(?![^>]*application/json)[^>]*>",
    "style element": r"<style[\s>]",
    "evaluated htmx value": r"hx-(?:vals|headers)\s*=\s*.js:",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_keeps_the_content_security_policy(path):
    text = path.read_text()

    found = {what for what, pattern in FORBIDDEN.items() if re.search(pattern, text, re.I)}

    assert found == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_names_only_icons_and_files_that_exist(path):
    text = path.read_text()
    icons = set(re.findall(r'icon\.html" with name="([^"]+)"', text)) | set(re.findall(r'\sicon="([^"]+)"', text))
    files = set(re.findall(r"{% static '([^']+)' %}", text))

    missing = (icons - ICONS) | {name for name in files if not (ROOT / "static" / name).is_file()}

    assert missing == set()


@pytest.mark.parametrize("code", ["403", "404", "500", "503", "busy"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_error_page_needs_neither_request_nor_context(code, language):
    with translation.override(language):
        page = render_to_string(f"{code}.html")

    assert page.count("data-error-summary") == 2
    assert f'<html lang="{language}">' in page
    assert 'lang="en"' in page
    assert 'lang="ja"' in page


def test_a_hostile_permission_name_is_shown_as_text():
    page = render_to_string("403.html", {"permission_label": "<script>alert(1)</script>"})

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
