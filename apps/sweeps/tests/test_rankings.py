"""What a sweep looks at where the problem is an order of items."""

from __future__ import annotations

import pytest

from apps.problems import selectors as problems
from apps.sweeps import selectors
from apps.training.tests.factories import ground_make
from apps.training.tests.test_rankings import ORDER

pytestmark = pytest.mark.django_db


def test_a_sweep_of_an_order_looks_at_ndcg():
    ground = ground_make(**ORDER)
    agreed = problems.version_current(ground.problem)

    assert [one.metric for one in selectors.aims_default(agreed)] == ["validation_ndcg_10"]
    assert [one.metric for one in selectors.aims_measured("RANKING")] == ["validation_ndcg_10", "validation_mrr"]
    assert selectors.curve_metric("RANKING") == "validation_ndcg_loss"
