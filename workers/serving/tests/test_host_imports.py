"""What a host process loads: the model's library and what that needs, nothing else, and every kind of model still."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from workers.serving.tests.running import ROOT

LOAD = """
import json, sys
from pathlib import Path
import pandas as pd
from workers.runner.model_io import model_load
model = model_load(Path(sys.argv[1]))
found = model.predict_frame(pd.DataFrame({"a": [0.5, 2.0], "b": [1.0, 0.0]})).tolist()
tops = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps([found, tops, "sklearn.cross_decomposition" in sys.modules]))
"""


def frame() -> pd.DataFrame:
    draw = np.random.default_rng(3)
    return pd.DataFrame({"a": draw.normal(size=60), "b": draw.normal(size=60)})


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        pytest.param(Ridge(), marks=pytest.mark.slow),
        pytest.param(RandomForestClassifier(5), marks=pytest.mark.slow),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_fresh_process_loads_every_kind_without_walking_through_its_library(model: Any, tmp_path: Path):
    data = frame()
    truth = (data["a"] > 0).astype(int) if hasattr(model, "predict_proba") else data["a"] * 2
    model.fit(data, truth)
    skops.io.dump(model, tmp_path / "model.skops")

    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    found, tops, walked = json.loads(done.stdout)
    asked = pd.DataFrame({"a": [0.5, 2.0], "b": [1.0, 0.0]})
    expected = model.predict_proba(asked) if hasattr(model, "predict_proba") else model.predict(asked)
    assert np.allclose(found, expected)
    assert not walked
    assert not {"pytest", "mlflow", "lightgbm", "onnxruntime", "django", "requests"} & set(tops)
