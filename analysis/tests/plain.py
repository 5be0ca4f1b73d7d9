"""Statistics of two classes by their definitions, one group after the other, for tests of what is derived from them."""

import numpy as np

from analysis.segment_metrics.binary import BINS, BinaryStatistics


def plain_statistics(
    codes: np.ndarray, truth: np.ndarray, score: np.ndarray, size: int, threshold: float = 0.5
) -> BinaryStatistics:
    """Counts, score bins and tenths of every group; without what only ranks and losses need."""
    counts, histogram = np.zeros((size, 4), np.int64), np.zeros((size, BINS, 2), np.int32)
    tenths = np.zeros((size, 10, 4))
    edges = np.arange(BINS + 1) / BINS
    for group in range(size):
        for outcome in (False, True):
            s = score[(codes == group) & (truth == outcome)]
            counts[group, 2 * outcome : 2 * outcome + 2] = (s < threshold).sum(), (s >= threshold).sum()
            histogram[group, :, int(outcome)] = np.histogram(s, edges)[0]
            for tenth in range(10):
                inside = s[np.minimum(np.floor(s * 10), 9) == tenth]
                squares = ((inside - outcome) ** 2).sum()
                tenths[group, tenth] += (inside.size, inside.size * outcome, inside.sum(), squares)
    return BinaryStatistics(counts, histogram, tenths, np.full((size, 4), np.nan), np.full((size, 4), np.nan))
