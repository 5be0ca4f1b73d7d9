"""`python -m controlplane.stack.probe URL`: exit 0 when the address answers 200; for health checks of containers."""

from __future__ import annotations

import sys

from controlplane.stack.ready import http_status

if __name__ == "__main__":
    sys.exit(0 if http_status(sys.argv[1], 4.0) == 200 else 1)
