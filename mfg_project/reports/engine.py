"""The one way to make a PDF: a template of ours and data that may say anything.

Data go to the template as JSON and never become markup. The same data and time give the same bytes.
"""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfg_project.reports.text import legible

TEMPLATES = Path(__file__).with_name("templates")
TYPESETTER = Path(__file__).with_name("typeset.py")
LONGEST = 300  # seconds; ten thousand lines take ten


class PdfFailed(Exception):
    """The typesetter refused or did not end: a bug of a template, never the fault of a text."""


def render_pdf(template: str, data: Mapping[str, Any], *, at: dt.datetime) -> bytes:
    """PDF/A-2a of `templates/<template>`; `at` is the time the document says it was made."""
    if template not in {path.name for path in TEMPLATES.glob("*.typ")}:
        raise PdfFailed(f"there is no template {template}")
    asked = {"template": template, "data": legible(dict(data)), "at": int(at.timestamp())}
    try:
        done = subprocess.run(  # noqa: S603 a program and arguments of ours
            [sys.executable, "-I", str(TYPESETTER)],
            input=json.dumps(asked, ensure_ascii=False).encode(),
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise PdfFailed(f"{template} took more than {LONGEST} s") from late
    if done.returncode:
        raise PdfFailed(done.stderr.decode(errors="replace")[-2000:])
    return done.stdout
