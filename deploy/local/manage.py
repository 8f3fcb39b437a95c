"""`make manage ARGS="…"`: a manage.py command on the plant that `make run` keeps running in this checkout."""

from __future__ import annotations

import os
import sys

from deploy.local.state import ROOT, LaunchError, State, load_env_file, read_json


def main() -> None:
    try:
        load_env_file(ROOT / ".env")
        os.environ.update(environment_of_running(State()))
    except LaunchError as reason:
        sys.exit(str(reason))
    os.environ["APPLICATION_NAME"] = "genba-manage"
    os.execv(sys.executable, [sys.executable, "-X", "utf8", str(ROOT / "manage.py"), *sys.argv[1:]])  # noqa: S606


def environment_of_running(state: State) -> dict[str, str]:
    """The lock tells whether the plant runs; what a killed one left behind names services that are gone."""
    told = read_json(state.environment)
    if state.is_locked("run") and told:
        return dict(told)
    raise LaunchError("Genba does not run here. Start it in another terminal: make run")


if __name__ == "__main__":
    main()
