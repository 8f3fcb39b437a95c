"""PDF documents: any text comes out as text, the file is an archive's, and the same content gives the same bytes."""

import datetime as dt
import unicodedata

import pytest
from django.utils import translation
from fontTools.ttLib import TTFont

from mfg_project.reports import engine
from mfg_project.reports.document import Banner, Card, Cell, Column, Document, Fields, Heading, Table, Text, pdf_of
from mfg_project.reports.engine import PdfFailed, render_pdf
from mfg_project.reports.text import legible, legible_text
from tests.reports.pdfa import faults, reader, text_of

AT = dt.datetime(2026, 1, 31, 8, 5, 9, tzinfo=dt.UTC)
MARKUP = '*bold* _it_ #panic("x") #sys.inputs $a_1$ <label> @ref // no /* no */ \\ \\u{41} `raw` = title ~ -- "q"'


def document(*values: str, **changes) -> Document:
    blocks = [
        Heading("Heading", small="small"),
        Banner("Banner", "detail"),
        Fields([(value[:20], Cell(value, "code", "1")) for value in values]),
        Table([Column("Value"), Column("Number", mm=20, right=True)], [[value, Cell("1")] for value in values]),
        Card("Card", [("Name", value) for value in values], banner="Differs"),
        *(Text(value, quiet=True) for value in values),
    ]
    known = {"title": "WO-1", "kind": "Record", "identification": "WO-1 · version 3", "made": "By Sato"}
    return Document(**known | {"blocks": blocks} | changes)


def test_a_document_is_pdfa_with_every_font_inside():
    pdf = pdf_of(document("good", "軸受ハウジング"), at=AT)
    assert faults(pdf) == []
    assert reader(pdf).metadata.creation_date == AT


def test_the_check_finds_what_is_wrong():
    """Without the standard, the same template fails the check."""
    import typst

    bare = typst.compile(b'#set text(font: "Noto Sans")\nhello', font_paths=[engine.TEMPLATES.parent / "fonts"])
    assert "the metadata do not say PDF/A-2a" in faults(bare)
    assert "no output intent with its colour profile" in faults(bare)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_it_says_on_each_page_what_it_is_and_which_of_how_many(language):
    rows = [[str(number)] for number in range(200)]
    with translation.override(language):
        pdf = pdf_of(document(blocks=[Table([Column("n")], rows)]), at=AT)
    pages = [page.extract_text() for page in reader(pdf).pages]
    assert len(pages) > 2
    assert all("WO-1 · version 3" in page and "By Sato" in page for page in pages)
    assert [f"{n}" in page and f"{len(pages)}" in page for n, page in enumerate(pages, 1)] == [True] * len(pages)
    assert str(reader(pdf).trailer["/Root"]["/Lang"]) == language


@pytest.mark.parametrize(
    "text",
    [
        MARKUP,
        "佐藤 花子 髙﨑 𠮷田 ①㈱㎜ ｶﾀｶﾅ",
        "Łukasz Żółć, Nguyễn Thị Hồng, Ωμ°±≤→",
        "e\u0301 か\u3099",
    ],
)
def test_text_comes_out_as_text(text):
    pdf = pdf_of(document(text), at=AT)
    assert faults(pdf) == []
    found = text_of(pdf)
    for word in unicodedata.normalize("NFC", text).split():
        assert word in unicodedata.normalize("NFC", found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a‹U+202E›b"),  # turns the text around
        ("a\u200bb", "a‹U+200B›b"),  # nobody sees it
        ("a\x07b\x00", "a‹U+0007›b‹U+0000›"),
        ("ا😀", "‹U+0627›‹U+1F600›"),  # the fonts have none of these
        ("a\r\nb\tc", "a\nb    c"),
        ("\ud800", "‹U+D800›"),
    ],
)
def test_what_cannot_be_drawn_is_shown_by_its_number(text, shown):
    assert legible_text(text) == shown
    assert faults(pdf_of(document(text), at=AT)) == []


def test_a_huge_text_is_broken_over_lines_and_pages():
    word = "x" * 20_000
    pdf = pdf_of(document(word, "字" * 20_000), at=AT)
    assert text_of(pdf).replace(" ", "").count("x") >= 3 * 20_000
    widths = {page.mediabox.width for page in reader(pdf).pages}
    assert len(reader(pdf).pages) > 10
    assert len(widths) == 1


def test_the_same_content_gives_the_same_bytes():
    assert pdf_of(document("a"), at=AT) == pdf_of(document("a"), at=AT)
    assert pdf_of(document("a"), at=AT) != pdf_of(document("b"), at=AT)


def test_every_character_said_to_be_printable_is_in_a_font():
    """`coverage.txt` is made with the fonts; the two must not part."""
    drawn = set()
    for font in ("NotoSans_400Regular.ttf", "NotoSansJP_400Regular.ttf"):
        drawn |= set(TTFont(engine.TEMPLATES.parent / "fonts" / font).getBestCmap())
    shown = {code for code in range(0x20, 0x30000) if legible_text(chr(code)) == chr(code)}
    assert shown - drawn == set()
    jis = {chr(c) for c in range(0x3041, 0x3097)} | set("一亜腕弌熙堯髙﨑")
    assert {ord(c) for c in jis} <= shown


def test_a_template_that_is_not_ours_is_refused():
    for name in ("none.typ", "../fonts/coverage.txt", "/etc/passwd"):
        with pytest.raises(PdfFailed):
            render_pdf(name, {}, at=AT)


def test_a_template_without_its_data_fails_loudly():
    with pytest.raises(PdfFailed, match="title"):
        render_pdf("document.typ", {"kind": "x"}, at=AT)


def test_only_text_and_whole_numbers_are_data():
    with pytest.raises(TypeError, match="float"):
        legible({"a": [1.5]})
