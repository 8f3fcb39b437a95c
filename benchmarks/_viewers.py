"""Boards other people have open: each holds a WebSocket and fetches the line's tile when told of it."""

import http.client
import json
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

DELAY = 0.06  # as hx-trigger of the tile


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
    try:
        for text in socket:
            message = json.loads(text)
            if message["event"] == "line":
                time.sleep(DELAY)
                connection.request("GET", f"/board/lines/{message['id']}/", headers={"Cookie": f"sessionid={session}"})
                connection.getresponse().read()
    except ConnectionClosed:
        pass


if __name__ == "__main__":
    main()
