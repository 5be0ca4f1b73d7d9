"""What a web process carries: addresses and rooms, and none of the libraries that models and jobs are made with."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

from controlplane.stack.config import ROOT

# As the web server begins: every address is read, so every page's code is there.
PROGRAM = """
import json, sys
import django
django.setup()
from django.urls import get_resolver
json.dumps([str(one) for one in get_resolver().reverse_dict])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
# The standard library's own, which many modules import to be able to be pickled.
STANDARD = {"pickle"}


def forbidden() -> set[str]:
    """What the import contract keeps out; it does not see what a package's `__init__` pulls in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = [one for one in contracts if one["name"] == "The web never touches model code"]
    return set(contract["forbidden_modules"]) - STANDARD


def test_a_web_process_loads_nothing_that_models_are_made_with():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "numpy" in loaded, "stored reports are read with it"
    assert loaded & forbidden() == set()
