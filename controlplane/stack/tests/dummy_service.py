"""A program for the supervisor's tests: answers HTTP, has a child in its group and one that left its session."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
from pathlib import Path

SLEEPER = "import signal\n{ignore}\nwhile True: signal.pause()"
IGNORE = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


class Answer(http.server.BaseHTTPRequestHandler):
    """200 for every GET; `/environ` tells the names of the environment."""

    def do_GET(self) -> None:
        body = "\n".join(sorted(os.environ)).encode() if self.path == "/environ" else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


def main(port: int, marks: list[str]) -> None:
    pids = []
    if "family" in marks:
        same_group = subprocess.Popen([sys.executable, "-c", SLEEPER.format(ignore="")])
        detached = subprocess.Popen([sys.executable, "-c", SLEEPER.format(ignore=IGNORE)], start_new_session=True)
        pids = [same_group.pid, detached.pid]
    if "stubborn" in marks:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder = Path(os.environ["FAIRWAY_HOME"]) / "run"
    (folder / f"dummy-{port}.pids").write_text(" ".join(str(pid) for pid in [os.getpid(), *pids]))
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
