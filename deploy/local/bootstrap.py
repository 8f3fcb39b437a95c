"""First step of `make run`, `make manage` and `make test`: a virtual environment with the pinned requirements.

Runs on the machine's own Python, so: standard library only, and a syntax that an old Python can read far
enough to say what is wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "genba-requirements.json"
COMMANDS = {
    "run": ("requirements.txt", "requirements-local.txt"),
    "manage": ("requirements.txt", "requirements-local.txt"),
    "test": ("requirements-dev.txt",),
}
INCLUDED = {"requirements-dev.txt": ("requirements.txt", "requirements-local.txt")}


def main() -> None:
    require_python()
    command, arguments = sys.argv[1], sys.argv[2:]
    os.chdir(ROOT)
    with install_lock():
        ensure_environment()
        ensure_requirements(COMMANDS[command])
    os.execv(PYTHON, [str(PYTHON), "-m", "deploy.local." + command, *arguments])  # noqa: S606 no shell is meant


def require_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 this is where an old one is told
        have = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            "Genba needs Python 3.11 or newer; " + sys.executable + " is " + have + ".\n"
            "Name another one: make run PYTHON=python3.12"
        )


def install_lock() -> IO[str]:
    """One installation at a time, also when `make run` and `make test` start together."""
    import fcntl

    state = ROOT / ".genba"
    try:
        state.mkdir(mode=0o755, exist_ok=True)
        lock = (state / "install.lock").open("w")
    except PermissionError:
        sys.exit(f"{state} belongs to another user. Run as that user, or remove it.")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def ensure_environment() -> None:
    if works(PYTHON):
        return
    say("Creating .venv")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(
            made.stdout + made.stderr + "\nThe virtual environment could not be created. "
            "On Debian and Ubuntu the package python3-venv is needed for it."
        )


def works(python: Path) -> bool:
    """False for a missing environment, and for one whose Python was upgraded or moved away."""
    try:
        return subprocess.run([str(python), "-c", "import pip"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def ensure_requirements(files: Sequence[str]) -> None:
    """Install what changed since the last time; the stamp is written only after success."""
    installed = read_stamp()
    if all(installed.get(name) == digest(name) for name in files):
        return
    say("Installing " + " and ".join(files) + " (a minute or two the first time)")
    command = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    pip = subprocess.run([*command, *(option for name in files for option in ("-r", name))], check=False)
    if pip.returncode:
        sys.exit("The requirements could not be installed; pip says why above. The next try continues.")
    for name in files:
        for each in (name, *INCLUDED.get(name, ())):
            installed[each] = digest(each)
    STAMP.write_text(json.dumps(installed, indent=1))


def digest(name: str) -> str:
    """Of the file and what it includes, and of the place: a moved environment is installed again."""
    text = "".join((ROOT / each).read_text() for each in (name, *INCLUDED.get(name, ())))
    return hashlib.sha256((str(VENV) + text).encode()).hexdigest()


def read_stamp() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
