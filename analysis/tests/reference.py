"""Where the shared reference values are, when this checkout lies beside them."""

from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
CLASSIFIERS = [name for name in ("adult", "compas_two_years") if (REFERENCE / name).is_dir()]
REGRESSIONS = [name for name in ("law_school",) if (REFERENCE / name).is_dir()]
MODELS = ("baseline", "candidate")
