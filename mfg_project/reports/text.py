"""Any text made fit for print: what cannot be drawn, or would mislead the eye, is shown by its number.

An archive must not hold an empty box instead of a character (PDF/A forbids it), and a text must not look like another
one by means of characters nobody sees. The exact text is in the machine-readable copy beside the document.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.functional import Promise

COVERAGE = Path(__file__).with_name("fonts") / "coverage.txt"
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # controls, directions, soft hyphens …
TAB = " " * 4


def legible(value: Any) -> Any:
    """The same JSON-ready value, with every text in it printable."""
    if isinstance(value, str | Promise):
        return legible_text(str(value))
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict):
        return {key: legible(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [legible(item) for item in value]
    raise TypeError(f"a document shows text, not {type(value).__name__}")


def legible_text(text: str) -> str:
    return _unprintable().sub(_number, text.replace("\r\n", "\n").replace("\t", TAB))


def _number(found: re.Match[str]) -> str:
    return f"‹U+{ord(found.group()):04X}›"


@cache
def _unprintable() -> re.Pattern[str]:
    printable = "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in _seen(_covered()))
    return re.compile(f"[^\\n{printable}]")


def _covered() -> Iterator[int]:
    for line in COVERAGE.read_text().split():
        first, _dash, last = line.partition("-")
        yield from range(int(first, 16), int(last, 16) + 1)


def _seen(codes: Iterator[int]) -> Iterator[tuple[int, int]]:
    """As ranges, without what nobody sees."""
    start = last = -2
    for code in codes:
        if unicodedata.category(chr(code)) in UNSEEN:
            continue
        if code != last + 1:
            if start >= 0:
                yield start, last
            start = code
        last = code
    yield start, last
