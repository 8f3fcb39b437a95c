"""Seconds from `make run` to an answer at the printed address.

    .venv/bin/python benchmarks/start.py [--runs 5] [--cold]

Every start has a state directory of its own, so a plant that runs beside it stays alone. `--cold` also begins with
nothing: a fresh clone of what is committed, a fresh `.venv`, no pip cache; the other starts then run in that clone.
The alternative starts the same programs the way a manual would: each command when the one before has ended.
"""

import argparse
import contextlib
import os
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from _plant import PATIENCE, ROOT, BenchError, Plant, ask, background, daphne, free_port, machine, table

FIRST_PATIENCE = 600.0
PROMISED = {"cold": 180, "warm": 10}


def main() -> None:
    options = arguments()
    print(machine())
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="genba-start-")))
        place.chmod(0o755)
        checkout, state = ROOT, place / "state"
        seconds: dict[str, list[float]] = {}
        if options.cold:
            checkout = place / "clone"
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
            seconds["cold"] = [started(checkout, state, FIRST_PATIENCE)]
        else:
            seconds["first"] = [started(checkout, state, FIRST_PATIENCE)]
        seconds["warm"] = [started(checkout, state, PATIENCE) for _ in range(options.runs)]
        seconds["one by one"] = [one_by_one(state) for _ in range(options.runs)]
    show(seconds)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="once from a fresh clone without a .venv")
    return parser.parse_args()


def started(checkout: Path, state: Path, patience: float) -> float:
    """Start, wait for a page, end with what Ctrl-C does."""
    state.mkdir(mode=0o755, exist_ok=True)
    begun = time.monotonic()
    with make_run(checkout, state, patience) as url:
        status, _page = ask(url)
        seconds = time.monotonic() - begun
    if status != 200:
        raise BenchError(f"{url} answered {status}")
    print(f"  {seconds:.1f} s", flush=True)
    return seconds


@contextlib.contextmanager
def make_run(checkout: Path, state: Path, patience: float) -> Iterator[str]:
    """Yields the address it prints. Empty URLs mean "none given", whatever a .env names."""
    environment = {"GENBA_STATE": str(state), "PORT": str(free_port()), "DATABASE_URL": "", "REDIS_URL": ""}
    process = subprocess.Popen(
        ["make", "run"],
        cwd=checkout,
        env=os.environ | environment | {"PIP_NO_CACHE_DIR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    too_long = threading.Timer(patience, os.killpg, (process.pid, signal.SIGINT))
    too_long.start()
    try:
        yield address_of(process)
    finally:
        too_long.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def address_of(process: subprocess.Popen[str]) -> str:
    said = ""
    for line in process.stdout or ():
        said += line
        if found := re.search(r"Open (http\S+)", line):
            return found[1]
    raise BenchError(f"make run ended:\n{said}")


def one_by_one(place: Path) -> float:
    """On the data `make run` left: services, migrate, load_demo, then each program after the one before answers."""
    begun = time.monotonic()
    bench = Plant(place, cluster="plant-pg")
    try:
        bench.start_services()
        bench.run("manage.py", "migrate", "--verbosity", "0", **bench.owner)
        bench.run("manage.py", "load_demo")
        port = free_port()
        web = [daphne(bench, port, mode="demo"), *background(bench, mode="demo")]
        with bench.serving(web, f"http://127.0.0.1:{port}") as url:
            ask(f"{url}/")
            return time.monotonic() - begun
    finally:
        bench.stop()


def show(seconds: dict[str, list[float]]) -> None:
    words = {
        "cold": "make run, fresh clone, no .venv",
        "first": "make run, no database yet",
        "warm": "make run, again",
        "one by one": "the same commands one after another",
    }
    warm = statistics.median(seconds["warm"])
    rows = [
        [
            words[kind],
            len(values),
            statistics.median(values),
            f"{min(values):.1f}-{max(values):.1f}",
            f"< {PROMISED[kind]}" if kind in PROMISED else "",
            f"{statistics.median(values) / warm:.1f} x",
        ]
        for kind, values in seconds.items()
    ]
    table("Seconds until the address answers", ["start", "runs", "median", "range", "promised", "to warm"], rows)


if __name__ == "__main__":
    main()
