"""Takes the copy: the one door for the page and the API."""

import tempfile
from typing import IO, Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from audit.context import current_act
from audit.errors import NotFound
from audit.journal import change
from audit.models import SecurityEventKind
from audit.queries.snapshot import snapshot
from audit.seal_wait import wait_until
from audit.security import note
from mfg_project.common.plant import current_plant
from mfg_project.trail.access import require_trail_of
from mfg_project.trail.bundle.counts import counts_of
from mfg_project.trail.bundle.record import Exported, copy_of
from mfg_project.trail.bundle.writer import write_bundle
from mfg_project.trail.names import journalled_models

IN_MEMORY = 1024 * 1024  # bytes; a larger copy waits on disk for its reader


def export_record(*, table: str, key: str, holds: tuple[int, ...] = ()) -> IO[bytes]:
    """A zip file, read from its beginning. Leaves a security event that says who took what.

    Raises NotFound for what the account may not see, as for what there is not.
    """
    require_trail_of(table, key)
    model, plant, act = journalled_models()[table], current_plant(), current_act()
    exported = Exported(
        by=act.actor.printed_name or act.actor.get_username(),
        by_key=str(act.actor.pk),
        at=timezone.now(),
        version=settings.GENBA_VERSION,
        language=get_language() or "en",
        time_zone=plant.time_zone,
        holds=holds,
    )
    file: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 the reader closes it
    try:
        with timezone.override(plant.tz):
            detail = _write(file, model, key, exported)
    except BaseException:
        file.close()
        raise
    with change("export_record"):
        note(SecurityEventKind.EXPORTED, user=act.actor, detail=detail)
    file.seek(0)
    return file


def _write(file: IO[bytes], model: Any, key: str, exported: Exported) -> str:
    """Returns what was taken, for the record of it."""
    wait_until(lambda: _is_sealed(model, key))
    with snapshot():
        copy = copy_of(model, key)
        if copy is None:
            raise NotFound(_("There is no such record."))
        counts = write_bundle(file, copy, exported)
    version = f", version {copy.row.version}" if copy.row.version is not None else ""
    return f"record copy: {copy.table} {key}{version}, {counts.entries} entries, {counts.sealed} sealed"


def _is_sealed(model: Any, key: str) -> bool:
    """What was committed before; a new snapshot each time."""
    with snapshot():
        copy = copy_of(model, key)
        return copy is None or not counts_of(copy).pending
