"""The restore of docs/administrator.md, done: a sealed plant dumped, restored into another cluster, and checked.

It takes the programs of the server under test: those `make test --postgres` names, else the embedded ones, else what is
installed. Where none is new enough it is skipped with one line; under CI=true it fails.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import call_command

from audit.database.roles import connected_as
from audit.verification.report import INTACT, RECORDS
from audit.verification.verify import verify
from deploy import roles
from deploy.local import postgres
from deploy.local.state import LaunchError
from production.models import WorkOrder
from tests.audit.journal import full_plant
from tests.audit.sealed import KEY, codes, seal_everything, told
from tests.database import PASSWORDS, PLANT, database

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]
SECRET = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="  # KEY's


def test_a_restored_plant_is_known_as_one_whole_and_goes_on_in_an_epoch_of_its_own(
    as_admin, supervisor, state, settings, tmp_path
):
    place = programs()
    witness = tmp_path / "witness.txt"
    order = full_plant().running
    size = seal_everything(witness)
    dump = tmp_path / "genba.dump"
    source = roles.address(database.admin, database=database.name)
    run(place / "pg_dump", "--format=custom", "--schema=public", "--extension=*", f"--file={dump}", source)

    admin = postgres.start(supervisor, postgres.prepare(state, "pg"))
    roles.prepare(admin, "restored", plant=PLANT, passwords=PASSWORDS, for_restore=True)
    run(
        place / "pg_restore",
        "--exit-on-error",
        "--clean",
        "--if-exists",
        f"--dbname={roles.address(admin, database='restored')}",
        str(dump),
    )
    urls = roles.prepare(admin, "restored", plant=PLANT, passwords=PASSWORDS)

    with connected_as(urls["app"]):
        report = verify(witness=[witness], keys=[KEY.public])
        assert codes(report) == {"other_cluster"}, told(report)
        assert (report.verdict(RECORDS), report.size) == (INTACT, size)
        assert WorkOrder.objects.get(pk=order.pk).version == order.version

        settings.DATABASE_SEALER_URL, settings.JOURNAL_KEY, settings.JOURNAL_ORIGIN = urls["sealer"], SECRET, KEY.name
        settings.JOURNAL_WITNESS_FILES = [str(witness)]
        call_command("begin_epoch", "--reason", "Restored after the fire.", "--user", as_admin.username)
        order.refresh_from_db()  # the plant goes on
        report = verify(witness=[witness], keys=[KEY.public])
        assert report.exit_code == 0, told(report)


def programs() -> Path:
    """Where pg_dump and pg_restore of the server's version or newer are, as the document says; CI has to have them."""
    with psycopg.connect(database.admin) as admin:
        server = admin.info.server_version // 10_000
    for place in _places():
        if (place / "pg_dump").exists() and (place / "pg_restore").exists() and version_of(place / "pg_dump") >= server:
            return place
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs pg_dump and pg_restore of PostgreSQL {server} or newer")
    pytest.skip(f"needs pg_dump and pg_restore of PostgreSQL {server} or newer")


def _places() -> Iterator[Path]:
    if "POSTGRES_BINARIES" in os.environ:
        yield Path(os.environ["POSTGRES_BINARIES"])
    with contextlib.suppress(LaunchError):
        yield postgres.wheel_binaries()
    if found := shutil.which("pg_dump"):
        yield Path(found).parent


def version_of(program: Path) -> int:
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"\d+", shown)[0])


def run(program: Path, *arguments: str) -> None:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PGPASSWORD": urlsplit(database.admin).password or ""}
    ended = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0, ended.stderr
