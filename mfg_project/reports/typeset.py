"""Typesets one document and ends: a program of its own, without Django.

What typst remembers to be faster next time is hundreds of megabytes for a long document; the end of the process gives
it back, and a document gone wrong takes nothing down with it. Reads a JSON object from standard input, writes the PDF.
"""

import json
import sys
from pathlib import Path

import typst

HERE = Path(__file__).parent
STANDARD = "a-2a"  # PDF/A-2, level A: tagged, so that screen readers find their way


def main() -> int:
    asked = json.load(sys.stdin.buffer)
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[HERE / "fonts"])
    try:
        pdf = typst.compile(
            HERE / "templates" / asked["template"],
            root=HERE / "templates",
            font_paths=fonts,
            sys_inputs={"data": json.dumps(asked["data"], ensure_ascii=False)},
            pdf_standards=[STANDARD],
            timestamp=asked["at"],
        )
    except typst.TypstError as error:
        sys.stderr.write(f"{error.message}\n{error.diagnostic}\n")
        return 1
    sys.stdout.buffer.write(pdf)
    return 0


if __name__ == "__main__":
    sys.exit(main())
