"""One question on standard input, one answer on standard output, both JSON: `python -m workers.sweeping`."""

from __future__ import annotations

import json
import sys

from workers.sweeping.suggest import suggest

if __name__ == "__main__":
    json.dump(suggest(json.load(sys.stdin)), sys.stdout)
