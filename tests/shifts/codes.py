"""The QR code of a PDF, drawn as dots from the lines the paper draws: as a scanner would see it."""

import re

from tests.reports.pdfa import reader

LINE = re.compile(r"(\d+) (\d+)\.5 m (\d+) \2\.5 l")  # a row of dark modules, in modules
SCALE, QUIET_ZONE = 3, 4


def code_in(pdf: bytes) -> memoryview:
    """Of the document's last page that has one."""
    for page in reversed(reader(pdf).pages):
        lines = [tuple(map(int, found)) for found in LINE.findall(page.get_contents().get_data().decode("latin1"))]
        if lines:
            return _dots(lines)
    raise AssertionError("no code is drawn")


def _dots(lines: list[tuple[int, ...]]) -> memoryview:
    side = max(end for _begin, _row, end in lines) + QUIET_ZONE
    rows = [bytearray(b"\xff" * side) for _ in range(side)]
    for begin, row, end in lines:
        rows[row][begin:end] = bytes(end - begin)
    scaled = [bytes(dot for dot in row for _ in range(SCALE)) for row in rows for _ in range(SCALE)]
    return memoryview(b"".join(scaled)).cast("B", [side * SCALE, side * SCALE])
