"""Two fits of the same model are the same bytes, and answer as the archive that skops wrote."""

from __future__ import annotations

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workers.runner.settling import archive_settle

RANDOM = np.random.default_rng(4)
ROWS = RANDOM.normal(size=(300, 3))
TRUTH = ROWS[:, 0] + RANDOM.normal(size=300) > 0
MAKERS = {
    "linear": lambda: LogisticRegression(C=0.5),
    "boosting": lambda: HistGradientBoostingClassifier(max_iter=3, random_state=0),
    "forest": lambda: RandomForestClassifier(n_estimators=3, random_state=0),
}


def written(folder, name, kind):
    model = make_pipeline(StandardScaler(), MAKERS[kind]()).fit(ROWS, TRUTH)
    raw, settled = folder / f"{name}.raw", folder / f"{name}.skops"
    skops.io.dump(model, raw)
    archive_settle(raw, settled)
    return model, raw, settled


@pytest.mark.parametrize("kind", MAKERS)
def test_two_fits_are_the_same_bytes_and_answer_as_before(tmp_path, kind):
    model, raw, first = written(tmp_path, "first", kind)
    _, other, second = written(tmp_path, "second", kind)

    assert raw.read_bytes() != other.read_bytes()
    assert first.read_bytes() == second.read_bytes()
    trusted = skops.io.get_untrusted_types(file=first)
    assert trusted == skops.io.get_untrusted_types(file=raw)
    loaded = skops.io.load(first, trusted=trusted)
    np.testing.assert_array_equal(loaded.predict_proba(ROWS), model.predict_proba(ROWS))
