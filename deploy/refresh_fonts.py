"""Make the fonts of the PDF documents again, from npm packages at the versions pinned here.

Needs npm and fonttools (requirements-dev.txt) only when somebody changes a version or the characters kept; a running
plant never does. Usage: `python -m deploy.refresh_fonts`, then look at a document in Japanese.
"""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from deploy.refresh_vendor import fetch

FONTS = Path(__file__).resolve().parent.parent / "mfg_project" / "reports" / "fonts"
JAPANESE = ("@expo-google-fonts/noto-sans-jp", "0.4.3")
EUROPEAN = ("@expo-google-fonts/noto-sans", "0.4.2")
# What cannot be written in PDF is shown by its number, so what is left out is not lost (mfg_project/reports/text.py).
SIGNS = [*range(0x2000, 0x2800), *range(0x3000, 0x3100), *range(0x3200, 0x3400), *range(0xFF00, 0xFFF0)]
LATIN_GREEK_CYRILLIC = [*range(0x20, 0x530), *range(0x1E00, 0x2200)]
TABLES_OF_NO_USE = ["vhea", "vmtx", "VORG", "BASE", "STAT", "meta", "DSIG"]  # of vertical text and of variable fonts


def characters_of(codec: str) -> list[int]:
    found = []
    for code in range(0x20, 0x30000):
        try:
            chr(code).encode(codec)
        except UnicodeError:
            continue
        found.append(code)
    return found


def kept() -> Iterable[tuple[tuple[str, str], str, list[int]]]:
    """Package, file and characters. Names of people are set in regular, which keeps every kanji the font has; bold,
    for headings, has JIS levels 1 and 2 and what Windows adds to them (cp932); the rest is then set in regular."""
    yield JAPANESE, "400Regular/NotoSansJP_400Regular.ttf", list(range(0x20, 0x30000))
    yield JAPANESE, "700Bold/NotoSansJP_700Bold.ttf", [*characters_of("cp932"), *SIGNS]
    yield EUROPEAN, "400Regular/NotoSans_400Regular.ttf", LATIN_GREEK_CYRILLIC
    yield EUROPEAN, "700Bold/NotoSans_700Bold.ttf", LATIN_GREEK_CYRILLIC


def subset_of(source: Path, characters: list[int], target: Path) -> set[int]:
    options = subset.Options(
        hinting=False,
        layout_features=["mark", "mkmk", "kern"],  # no ccmp: one glyph a letter, so that any reader finds the text
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14, 16, 17],
        notdef_outline=True,
    )
    options.drop_tables += TABLES_OF_NO_USE
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    font.save(target)
    return set(font.getBestCmap())


def as_ranges(codes: Iterable[int]) -> Iterable[str]:
    """One line each: 3041-3096."""
    start = last = -2
    for code in [*sorted(codes), 0x110000]:
        if code != last + 1:
            if start >= 0:
                yield f"{start:x}-{last:x}"
            start = code
        last = code


def main() -> None:
    written: set[int] = set()
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = {}
        for name, version in (JAPANESE, EUROPEAN):
            unpacked[name] = fetch(name, version, Path(scratch))
            shutil.copyfile(unpacked[name] / "LICENSE_FONT", FONTS / f"LICENSE-{name.rpartition('/')[2]}")
        for (name, _version), file, characters in kept():
            covered = subset_of(unpacked[name] / file, characters, FONTS / Path(file).name)
            if "Regular" in file:  # what bold lacks is set in regular
                written |= covered
    (FONTS / "coverage.txt").write_text("\n".join(as_ranges(written)) + "\n")


if __name__ == "__main__":
    main()
