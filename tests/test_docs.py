"""What the documents name exists: links, pictures, commands, variables, addresses. Nothing rots unseen."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import Resolver404, resolve

ROOT = Path(settings.BASE_DIR)
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LARGEST_PICTURE = 200_000

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
FENCED = re.compile(r"^ *```.*?^ *```", re.M | re.S)
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ +(.+?) *$", re.M)
CALL = re.compile(r"\b(GET|POST|PUT|PATCH) (?!http)([a-z][^\s`?]*)")  # an address below /api/v1/
WHOLE = re.compile(r"/api/v1/([^\s`\"'?]*)")
STEP = re.compile(r"[a-z]+/")  # alone in backticks: beside the step named last
ANY_ID = (str(UUID(int=1)), "1")  # records have a UUID, rows of states a number


def codes(text: str) -> list[str]:
    """The fenced blocks, and what stands between backticks elsewhere."""
    return [*FENCED.findall(text), *CODE.findall(FENCED.sub("", text))]


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(FENCED.sub("", page.read_text())))
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page):
    broken = []
    for found in LINK.findall(FENCED.sub("", page.read_text())):
        target, _hash, anchor = "".join(found).partition("#")
        if "://" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append("".join(found))

    assert broken == []


def test_every_page_of_docs_is_in_the_index():
    named = {(ROOT / "docs" / link).resolve() for link, _ in LINK.findall((ROOT / "docs" / "README.md").read_text())}
    pages = {page for page in (ROOT / "docs").glob("*.md") if page.name not in {"README.md"}}

    assert pages - named == set()


def test_every_picture_is_shown_and_small():
    shown = {(page.parent / "".join(found)).resolve() for page in PAGES for found in LINK.findall(page.read_text())}
    pictures = set((ROOT / "docs" / "images").iterdir())

    assert pictures - shown == set()
    assert [picture.name for picture in pictures if picture.stat().st_size > LARGEST_PICTURE] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_named_in_code_exist(page):
    """Paths below the top folders; patterns such as `<app>/sql/` are not meant."""
    tops = {path.name for path in ROOT.iterdir() if path.is_dir()}
    words = [word for code in codes(page.read_text()) for word in code.split()]
    named = {word for word in words if re.fullmatch(r"[\w./-]+\.(py|md|sql|toml)", word) and word.split("/")[0] in tops}

    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        target for page in PAGES for code in codes(page.read_text()) for target in re.findall(r"\bmake ([a-z]+)", code)
    }

    assert named - targets == set()
    assert {"run", "test", "manage"} <= named


def test_every_management_command_exists():
    command = re.compile(r"manage\.py ([a-z_]+)|make manage ARGS=\"([a-z_]+)")
    named = {"".join(found) for page in PAGES for code in codes(page.read_text()) for found in command.findall(code)}

    assert named - set(get_commands()) == set()
    assert {"import_nist_box_assembly", "refresh_kpis", "migrate"} <= named


def test_every_variable_for_administrators_is_explained():
    example = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    text = (ROOT / "docs" / "administrator.md").read_text()
    named = {
        name.removesuffix("_FILE")
        for code in codes(text)
        for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", code) + re.findall(r"^[A-Z]{4,}$", code)
    }

    assert named - example == set()
    assert {"SECRET_KEY", "DATABASE_URL", "DEBUG"} <= named


def integrator_calls() -> list[tuple[str, str]]:
    """Method (or "") and path below /api/v1/ of every call the page names."""
    calls: list[tuple[str, str]] = []
    for code in codes((ROOT / "docs" / "integrator.md").read_text()):
        if STEP.fullmatch(code):
            method, path = calls[-1]
            calls.append((method, path.partition("<id>/")[0] + "<id>/" + code))
        else:
            calls += CALL.findall(code) + [("POST" * ("-X POST" in code), path) for path in WHOLE.findall(code)]
    return calls


def answers(method: str, path: str) -> bool:
    for key in ANY_ID:
        try:
            view = resolve(f"/api/v1/{path.replace('<id>', key)}").func
        except Resolver404:
            continue
        return not method or method.lower() in getattr(view, "actions", {method.lower()})
    return False


def test_every_address_for_integrators_answers():
    calls = integrator_calls()

    assert [call for call in calls if not answers(*call)] == []
    assert {("POST", "work-orders/<id>/cancel/"), ("POST", "job-orders/<id>/complete/")} <= set(calls)
    assert len(calls) > 20
