"""`python -m controlplane.stack.prepare`: migrations, then the static files; what a server runs before its services."""

from __future__ import annotations

import subprocess
import sys

from controlplane.stack.config import ROOT
from controlplane.stack.services import COLLECT, MIGRATE


def main() -> int:
    """Run both; the first failure is the result."""
    for arguments in (MIGRATE, COLLECT):
        code = subprocess.call([sys.executable, str(ROOT / "manage.py"), *arguments], cwd=ROOT)
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
