"""Four trained models through the child: what each adds equals brute force over the stored predictions."""

import io
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.contracts.findings import Findings
from analysis.contracts.report import Report
from workers.contracts.jobspec import EXIT_BAD_INPUT
from workers.runner.tests.kit import job_run
from workers.runner.tests.peer import Peer
from workers.runner.tests.test_evaluate import _evaluation, _trained

RECIPES = ("logistic_regression", "baseline", "hist_gradient_boosting", "random_forest")


@pytest.mark.slow
def test_four_models_equal_brute_force_over_what_is_stored(tmp_path: Path) -> None:
    trained = [_trained(tmp_path, "BINARY", recipe, f"m{place}") for place, recipe in enumerate(RECIPES)]
    files = {digest: data for _, peer, _ in trained for digest, data in peer.files.items()}
    candidate, *others = [reference for _, _, reference in trained]
    peer = _evaluation(Peer("evaluate", {}, files=files), "BINARY", candidate, None)
    peer.spec |= {"members": others, "sure": 0.8}
    peer.start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    found = Findings.from_json(peer.payload["findings"]).combination
    assert found is not None
    assert found.row_digest == Report.from_json(peer.payload["report"]).row_digest
    stored = pq.read_table(io.BytesIO(peer.outputs["predictions.parquet"]))
    truth = np.asarray(stored["truth"])
    scores = [np.asarray(stored[f"{name}_score"]) for name in ("candidate", "member1", "member2", "member3")]
    bars = [one.threshold for one in found.members]
    assert [one.id for one in found.members] == ["m0", "m1", "m2", "m3"]

    def accuracy(places: list[int]) -> float:
        if not places:
            return max(truth.mean(), 1 - truth.mean())
        mean = sum(scores[at] for at in places) / len(places)
        return float(((mean >= sum(bars[at] for at in places) / len(places)) == truth).mean())

    result = found.groups[0].result("mean", "accuracy")
    assert result is not None
    assert result.together.value == pytest.approx(accuracy([0, 1, 2, 3]))
    for at, one in enumerate(result.members):
        steps = []
        for order in permutations(range(4)):
            before = sorted(order[: order.index(at)])
            steps.append(accuracy(sorted([*before, at])) - accuracy(before))
        assert one.alone.value == pytest.approx(accuracy([at]))
        assert one.shapley.value == pytest.approx(np.mean(steps), abs=1e-9)
        rest = [other for other in range(4) if other != at]
        assert one.leave_one_out.value == pytest.approx(accuracy([0, 1, 2, 3]) - accuracy(rest), abs=1e-9)
    assert sum(found.groups[0].answered) == pytest.approx(1), "each row is answered once in the cascade"


def test_a_member_of_other_classes_is_named_when_it_is_refused(tmp_path: Path) -> None:
    _, first, candidate = _trained(tmp_path, "BINARY", "logistic_regression", "candidate")
    _, second, number = _trained(tmp_path, "REGRESSION", "ridge", "odd")
    peer = _evaluation(Peer("evaluate", {}, files={**first.files, **second.files}), "BINARY", candidate, None)
    peer.spec |= {"members": [number]}
    peer.start()

    status, _ = job_run(tmp_path, peer)
    peer.stop()

    assert status.exit_code == EXIT_BAD_INPUT
    assert peer.payload is not None
    assert peer.payload["error"]["message"].startswith("odd 1: ")
