"""The copy as an HTTP answer, of the page and of the API."""

import os
import re

from django.http import HttpRequest, StreamingHttpResponse

from mfg_project.common.streams import FilePieces, streamed
from mfg_project.trail.bundle.service import export_record

CONTENT_TYPE = "application/zip"


def bundle_response(request: HttpRequest, table: str, key: str, holds: tuple[int, ...] = ()) -> StreamingHttpResponse:
    file = export_record(table=table, key=key, holds=holds)
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    name = re.sub(r"[^A-Za-z0-9_-]", "_", f"{table}-{key}")
    return streamed(request, FilePieces(file), content_type=CONTENT_TYPE, filename=f"record-{name}.zip", length=length)
