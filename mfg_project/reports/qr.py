"""QR codes, byte for byte of a text: what is scanned is what was written."""

import io

import segno
from django.utils.safestring import SafeString, mark_safe

QUIET_ZONE = 4  # modules of white around it, as scanners want


def qr_inline(text: str) -> SafeString:
    """For a page."""
    drawn = _code(text).svg_inline(omitsize=True, border=QUIET_ZONE, svgclass="qr", lineclass=None)
    return mark_safe(drawn)  # noqa: S308 the library draws paths only, no text of ours


def qr_svg(text: str) -> str:
    """For a document: an SVG that stands for itself."""
    drawn = io.BytesIO()
    _code(text).save(drawn, kind="svg", xmldecl=False, border=QUIET_ZONE, svgclass=None, lineclass=None)
    return drawn.getvalue().decode()


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text.encode(), error="m")
