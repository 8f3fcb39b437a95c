"""From a signal to the eye: a line's state is posted, and a board open in a browser shows it.

    .venv/bin/python benchmarks/live_latency.py [--samples 100] [--viewers 0] [--seconds 300]

Clocks: all of one machine. Start is the moment before the POST is sent; `message` is when a WebSocket client holds
the message, `tile` when the board in chromium has changed (MutationObserver), `poll` the same signal seen by a page
that asks for the tile every second instead.
"""

import argparse
import contextlib
import itertools
import json
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _plant import PYTHON, BenchError, Plant, ask, background, daphne, free_port, machine, percentile, plant, table
from playwright.sync_api import Page, sync_playwright
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

HERE = Path(__file__).resolve().parent
STATES = ("running", "idle", "setup")  # none of them opens a dialog or waits for a reason
SETTLE = 0.7  # seconds after a signal before its times are collected, so that collecting disturbs nothing
PATIENCE = 10.0
BUDGET_MS = {"redis-server": 300, "fakeredis": 1000}

WATCH = """
(line) => {
  window.seen = [];
  const tile = () => document.getElementById(`line-${line}`)?.dataset.state;
  let last = tile();
  new MutationObserver(() => {
    const state = tile();
    if (state && state !== last) window.seen.push({ state: (last = state), at: Date.now() });
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
}
"""
POLL = """
(path) => {
  window.seen = [];
  let last = null;
  setInterval(async () => {
    const html = await (await fetch(path)).text();
    const state = /data-state="(\\w+)"/.exec(html)?.[1];
    if (state && state !== last) window.seen.push({ state: (last = state), at: Date.now() });
  }, 1000);
}
"""


def main() -> None:
    options = arguments()
    print(f"{machine()}; {options.samples} signals each, {options.viewers} more boards open")
    with tempfile.TemporaryDirectory(prefix="genba-live-") as temporary:
        place = options.keep or Path(temporary)
        show({kind: measured(place, kind, options) for kind in options.redis})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--viewers", type=int, default=0, help="further boards that fetch the tile at each signal")
    parser.add_argument("--seconds", type=int, default=300, help="stop sampling after this long, per Redis")
    parser.add_argument("--redis", nargs="+", choices=BUDGET_MS, default=list(BUDGET_MS))
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the filled database there and use it again")
    return parser.parse_args()


def measured(place: Path, kind: str, options: argparse.Namespace) -> list[dict[str, float]]:
    with plant(keep=place, fake_redis=kind == "fakeredis") as bench:
        targets = bench.fill(orders=0)
        port = free_port()
        children = [daphne(bench, port, mode="demo"), *background(bench, mode="demo")]
        with bench.serving(children, f"http://127.0.0.1:{port}") as url:
            return sampled(bench, url, targets, options)


# --- watching -------------------------------------------------------------------------------------------------


class Listener(threading.Thread):
    """A WebSocket client that notes when it was told of the line."""

    def __init__(self, url: str, session: str, line: str) -> None:
        super().__init__(daemon=True)
        self.line, self.heard = line, list[float]()
        self.socket: ClientConnection = connect(
            f"{url.replace('http', 'ws', 1)}/ws/floor/",
            origin=url,
            additional_headers={"Cookie": f"sessionid={session}"},
        )

    def run(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for text in self.socket:
                message = json.loads(text)
                if message["event"] == "line" and message["id"] == self.line:
                    self.heard.append(time.time())


@contextlib.contextmanager
def browser_pages(url: str, session: str, line: str) -> Iterator[tuple[Page, Page]]:
    """A live board, and a page that polls the line's tile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        cookie = {"name": "sessionid", "value": session, "url": url}
        pages = []
        for path in ("/board/", "/health"):
            context = browser.new_context()
            context.add_cookies([cookie])
            page = context.new_page()
            page.goto(url + path)
            pages.append(page)
        board, poll = pages
        board.wait_for_function("document.documentElement.dataset.connection === 'live'")
        board.evaluate(WATCH, line)
        poll.evaluate(POLL, f"/board/lines/{line}/")
        yield board, poll
        browser.close()


@contextlib.contextmanager
def viewers(bench: Plant, url: str, targets: dict[str, Any], number: int) -> Iterator[None]:
    """Boards that other people have open, in a process of their own."""
    if not number:
        yield
        return
    given = bench.state.path / "viewers.json"
    given.write_text(json.dumps({"url": url, "sessions": targets["sessions"][:number]}))
    process = subprocess.Popen([*PYTHON, str(HERE / "_viewers.py"), str(given)], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or process.stdout.readline().strip() != "connected":
            raise BenchError("the other boards do not connect")
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


# --- signals ----------------------------------------------------------------------------------------------------


def sampled(bench: Plant, url: str, targets: dict[str, Any], options: argparse.Namespace) -> list[dict[str, float]]:
    session, line = targets["sessions"][0], targets["lines"][0]["id"]
    listener = Listener(url, session, line)
    listener.start()
    samples = []
    deadline = time.monotonic() + options.seconds
    with viewers(bench, url, targets, options.viewers), browser_pages(url, session, line) as (board, poll):
        states = itertools.cycle(STATES)
        shown = board.evaluate("line => document.getElementById(`line-${line}`).dataset.state", line)
        for number in range(options.samples + 3):
            shown = next(state for state in states if state != shown)
            times = signal(url, targets["token"], line, shown, listener, board, poll)
            if number >= 3:  # the first ones load templates and URL patterns
                samples.append(times)
            if time.monotonic() > deadline:
                break
    listener.socket.close()
    return samples


def signal(
    url: str, token: str, line: str, state: str, listener: Listener, board: Page, poll: Page
) -> dict[str, float]:
    for page in (board, poll):
        page.evaluate("window.seen = []")
    listener.heard.clear()
    time.sleep(random.uniform(0, 1))  # anywhere in a poller's second
    begun = time.time()
    status, answer = ask(
        f"{url}/api/v1/line-states/", method="POST", body={"line_id": line, "state": state}, token=token
    )
    answered = time.time()
    if status != 201:
        raise BenchError(f"{status}: {answer[:300]!r}")
    board.wait_for_timeout(SETTLE * 1000)
    seen = {"tile": shown_at(board, state), "poll": shown_at(poll, state), "message": heard_at(listener)}
    return {"answer": (answered - begun) * 1000} | {name: (at - begun) * 1000 for name, at in seen.items()}


def shown_at(page: Page, state: str) -> float:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for note in page.evaluate("window.seen"):
            if note["state"] == state:
                return note["at"] / 1000
        page.wait_for_timeout(50)
    raise BenchError(f"the page never showed {state}")


def heard_at(listener: Listener) -> float:
    if not listener.heard:
        raise BenchError("no message came over the WebSocket")
    return listener.heard[0]


# --- table ----------------------------------------------------------------------------------------------------------


def show(found: dict[str, list[dict[str, float]]]) -> None:
    words = {
        "answer": "signal to the API's answer",
        "message": "signal to WebSocket message",
        "tile": "signal to tile in chromium",
        "poll": "the same by polling every second",
    }
    rows = []
    for kind, samples in found.items():
        polled = percentile([sample["poll"] for sample in samples], 0.95)
        for name, label in words.items():
            values = [sample[name] for sample in samples]
            p95 = percentile(values, 0.95)
            ratio = f"{polled / p95:.1f} x" if name == "tile" else ""
            rows.append([kind, label, len(values), percentile(values, 0.5), p95, max(values), ratio])
    header = ["Redis", "ms", "samples", "median", "p95", "max", "polling / tile, p95"]
    budget = ", ".join(f"{kind} < {limit} ms" for kind, limit in BUDGET_MS.items())
    table(f"Signal to board (budget for the tile's p95: {budget})", header, rows)


if __name__ == "__main__":
    main()
