"""What of PDF/A-2 can be checked without a validator of its own."""

import io
import re
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

FORBIDDEN_KEYS = {"/JS", "/JavaScript", "/AA", "/EmbeddedFiles", "/XFA", "/Encrypt", "/OpenAction"}
FORBIDDEN_ACTIONS = {"/JavaScript", "/Launch", "/Sound", "/Movie", "/ImportData", "/ResetForm"}


def reader(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def text_of(pdf: bytes) -> str:
    """The text layer; lines are joined, as a long value is broken where the column ends."""
    return " ".join(" ".join(page.extract_text() for page in reader(pdf).pages).split())


def faults(pdf: bytes) -> list[str]:
    document = reader(pdf)
    root: Any = document.trailer["/Root"]
    found = []
    xmp = root["/Metadata"].get_object().get_data().decode()
    if not (re.search(r"<pdfaid:part>2</pdfaid:part>", xmp) and re.search(r"<pdfaid:conformance>A<", xmp)):
        found.append("the metadata do not say PDF/A-2a")
    intents = [intent.get_object() for intent in root.get("/OutputIntents", [])]
    if not any(i["/S"] == "/GTS_PDFA1" and i["/DestOutputProfile"].get_object().get_data() for i in intents):
        found.append("no output intent with its colour profile")
    if not root.get("/Lang") or not root["/MarkInfo"]["/Marked"] or "/StructTreeRoot" not in root:
        found.append("not tagged, or no language")
    if "/ID" not in document.trailer:
        found.append("no identifier")
    for thing in _everything(document):
        if keys := FORBIDDEN_KEYS & thing.keys():
            found.append(f"forbidden: {sorted(keys)}")
        if thing.get("/S") in FORBIDDEN_ACTIONS:
            found.append(f"forbidden action {thing['/S']}")
        if thing.get("/Type") == "/Font":
            found += _font_faults(thing)
    return found


def _font_faults(font: DictionaryObject) -> Iterator[str]:
    name = font.get("/BaseFont")
    if font["/Subtype"] == "/Type0":
        if "/ToUnicode" not in font:
            yield f"{name} has no map to Unicode"
    elif font["/Subtype"] == "/Type3":
        yield f"{name} is drawn, not set"
    else:
        described: Any = font["/FontDescriptor"].get_object()
        if not {"/FontFile", "/FontFile2", "/FontFile3"} & described.keys():
            yield f"{name} is not embedded"


def _everything(document: PdfReader) -> Iterator[DictionaryObject]:
    for number in range(1, int(str(document.trailer["/Size"]))):
        found = document.get_object(IndirectObject(number, 0, document))
        stack = [found]
        while stack:
            thing = stack.pop()
            if isinstance(thing, DictionaryObject | StreamObject):
                yield thing
                stack += [value for value in thing.values() if not isinstance(value, IndirectObject)]
            elif isinstance(thing, ArrayObject):
                stack += [value for value in thing if not isinstance(value, IndirectObject)]
