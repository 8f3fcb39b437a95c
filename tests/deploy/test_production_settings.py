"""Production refuses unsafe settings, and `.env.example` stays complete."""

import os
import re
import secrets
import subprocess
import sys

import pytest

from deploy.local.state import ROOT

SAFE = {
    "GENBA_MODE": "production",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "genba.example.com",
    "DATABASE_URL": "postgresql://genba@127.0.0.1:5432/genba",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}
READ_BY_SETTINGS = re.compile(r'\benv(?:\.\w+)?\(\s*"([A-Z_]+)"')
READ = set(READ_BY_SETTINGS.findall((ROOT / "mfg_project" / "settings.py").read_text()))
NAMED_IN_EXAMPLE = re.compile(r"^(?:# )?([A-Z_]+)=", re.MULTILINE)
ONLY_LAUNCHER = {"PORT", "GENBA_STATE"}


def manage(*arguments, **changes):
    outside = {name: value for name, value in os.environ.items() if name not in READ}
    env = outside | {name: value for name, value in (SAFE | changes).items() if value is not None}
    return subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is the default"),
        ({"SECRET_KEY": "short"}, "shorter than 50 characters"),
        ({"DEBUG": "true"}, "DEBUG is on"),
        ({"HTTPS": "false"}, "session cookies would travel as plain text"),
    ],
)
def test_production_refuses_to_start_unsafe(changes, reason):
    done = manage("check", **changes)

    assert done.returncode != 0
    assert "Refusing to start in production mode" in done.stderr
    assert reason in done.stderr


def test_mode_is_the_safe_one_when_nothing_is_said():
    done = manage("check", GENBA_MODE=None, SECRET_KEY=None)

    assert "Refusing to start in production mode" in done.stderr


def test_unknown_mode_is_refused():
    done = manage("check", GENBA_MODE="prod")

    assert "GENBA_MODE is production, demo or test" in done.stderr


def test_deployment_check_is_clean():
    done = manage("check", "--deploy", "--fail-level", "DEBUG")

    assert (done.returncode, done.stderr) == (0, "")
    assert "System check identified no issues (0 silenced)." in done.stdout


def test_example_explains_every_variable_that_is_read():
    example = (ROOT / ".env.example").read_text()

    assert set(NAMED_IN_EXAMPLE.findall(example)) == READ | ONLY_LAUNCHER
    for block in example.split("\n\n"):
        names = NAMED_IN_EXAMPLE.findall(block)
        assert len(names) <= 1, "one explanation per variable"
        assert not names or len(block.splitlines()[0]) > 30, f"{names[0]} has no explanation"
