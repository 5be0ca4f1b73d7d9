"""Criteria and flips beside the shared reference values, where this checkout lies beside them."""

import json
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.criteria import binary_criteria
from analysis.flips import flips_find
from analysis.tests.plain import plain_statistics
from analysis.tests.reference import CLASSIFIERS, REFERENCE

TOLERANCE = 1e-9


def reference_of(dataset: str, file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REFERENCE / dataset / f"{file}.json").read_text())
    return found


if CLASSIFIERS:

    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_criteria_equal_the_reference_over_defined_groups(dataset: str) -> None:
        reference = reference_of(dataset, "candidate.metrics")
        table = pq.read_table(REFERENCE / dataset / "candidate.predictions.parquet")
        truth, score = table["y_true"].to_numpy().astype(bool), table["y_score"].to_numpy()

        for column in reference["segment_columns"]:
            labels, codes = np.unique([str(one) for one in table[column].to_pylist()], return_inverse=True)
            statistics = plain_statistics(codes, truth, score, labels.size, reference["threshold"])
            found = {one.criterion: one for one in binary_criteria(statistics, labels, [None] * labels.size)}
            expected = reference["disparities"][column]
            for code, name in (
                ("DEMOGRAPHIC_PARITY", "selection_rate_difference"),
                ("EQUAL_OPPORTUNITY", "tpr_difference"),
                ("PREDICTIVE_PARITY", "precision_difference"),
            ):
                assert found[code].value == pytest.approx(expected["defined_only"][name], abs=TOLERANCE), (column, code)
            ratio = expected["defined_only"]["selection_rate_ratio"]
            assert found["FOUR_FIFTHS"].value == pytest.approx(ratio, abs=TOLERANCE)
            worst = max(reference["segments"][column][label]["ece_10"] for label in labels)
            assert found["CALIBRATION"].value == pytest.approx(worst, abs=TOLERANCE)

    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_flips_equal_the_reference(dataset: str) -> None:
        expected = reference_of(dataset, "candidate_vs_baseline")
        sides = {}
        for model in ("candidate", "baseline"):
            table = pq.read_table(REFERENCE / dataset / f"{model}.predictions.parquet")
            said = table["y_score"].to_numpy() >= reference_of(dataset, f"{model}.metrics")["threshold"]
            sides[model] = said == table["y_true"].to_numpy().astype(bool)

        for column, levels in expected["segments"].items():
            labels, codes = np.unique([str(one) for one in table[column].to_pylist()], return_inverse=True)
            ids = table["row_id"].to_numpy()
            groups = flips_find(sides["candidate"], sides["baseline"], codes.astype(np.int32), labels.tolist(), ids)
            assert {group.label for group in groups} == levels.keys()
            for group in groups:
                assert group.negative == levels[group.label]["baseline_right_candidate_wrong"]
                assert group.positive == levels[group.label]["baseline_wrong_candidate_right"]
                assert len(group.negative_rows) == min(group.negative or 0, 1_000)
