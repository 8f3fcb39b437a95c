"""Boards other people have open: each holds a WebSocket, fetches the line's tile when told of it, and the grid when
the line's place on the board changed."""

import http.client
import json
import re
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

DELAY = 0.06  # as hx-trigger of the tile
SORT_DELAY = 0.3  # as hx-trigger of the grid


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    url = given["url"]
    sockets = [
        connect(
            f"{url.replace('http', 'ws', 1)}/ws/floor/",
            origin=url,
            additional_headers={"Cookie": f"sessionid={session}"},
        )
        for session in given["sessions"]
    ]
    for socket, session in zip(sockets, given["sessions"], strict=True):
        threading.Thread(target=look, args=(socket, url, session), daemon=True).start()
    print("connected", flush=True)
    threading.Event().wait()


def look(socket: ClientConnection, url: str, session: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    ranks: dict[str, str] = {}
    try:
        for text in socket:
            message = json.loads(text)
            if message["event"] == "line":
                time.sleep(DELAY)
                show(connection, session, message["id"], ranks)
    except ConnectionClosed:
        pass


def show(connection: http.client.HTTPConnection, session: str, line: str, ranks: dict[str, str]) -> None:
    """As htmx does: the tile names the rank it was shown with in the address of the next."""
    tile, resort = get(connection, session, f"/board/lines/{line}/?rank={ranks.get(line, '')}")
    if found := re.search(r"[?]rank=(\d+)", tile):
        ranks[line] = found[1]
    if resort:
        time.sleep(SORT_DELAY)
        get(connection, session, "/board/grid/")


def get(connection: http.client.HTTPConnection, session: str, path: str) -> tuple[str, bool]:
    connection.request("GET", path, headers={"Cookie": f"sessionid={session}", "HX-Request": "true"})
    answer = connection.getresponse()
    return answer.read().decode(), "genba:resort" in answer.headers.get("HX-Trigger", "")


if __name__ == "__main__":
    main()
