"""The statistics stored beside a report: one row per shown group, written and read as npz without pickle.

Arrays: keys (text [R]) and for two classes per side ("candidate_", "baseline_"): the
arrays of `segment_metrics.binary.BinaryStatistics`; for many classes confusion and sums; for
a regression sums and variation. Suppressed groups have no row, so nothing can be had from the file that the report
hides.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.segment_metrics.binary import BinaryStatistics

Arrays: TypeAlias = dict[str, npt.NDArray[np.generic]]

CANDIDATE = "candidate_"
BASELINE = "baseline_"
BINARY_PARTS = tuple(field.name for field in fields(BinaryStatistics))
BINARY_ALWAYS = tuple(field.name for field in fields(BinaryStatistics) if field.default is MISSING)


class StatisticsError(ValueError):
    """A statistics file that cannot be read, or that lacks what was asked for."""


def statistics_write(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """The arrays as a compressed npz file; quickly compressed, which counts for bins that are mostly empty."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Statistics:
    """An opened statistics file."""

    arrays: Arrays
    rows: Mapping[str, int]

    @classmethod
    def read(cls, content: bytes) -> "Statistics":
        """Open the bytes of `statistics_write`. Raises StatisticsError; never unpickles."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return cls.of(arrays)
        except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise StatisticsError(f"Not a statistics file: {error}") from error

    @classmethod
    def of(cls, arrays: Arrays) -> "Statistics":
        """Use arrays that are in memory already."""
        return cls(arrays, {str(key): index for index, key in enumerate(arrays["keys"].tolist())})

    @property
    def has_baseline(self) -> bool:
        """Are there statistics of a baseline?"""
        return f"{BASELINE}counts" in self.arrays

    def binary(self, *, baseline: bool = False) -> BinaryStatistics:
        """The two-class statistics of all stored groups. Raises StatisticsError when there are none."""
        side = BASELINE if baseline else CANDIDATE
        parts = {part: self.arrays.get(side + part) for part in BINARY_PARTS}
        missing = [part for part in BINARY_ALWAYS if parts[part] is None]
        if missing:
            raise StatisticsError(f"The file holds no {side}{missing[0]}")
        return BinaryStatistics(**parts)  # type: ignore[arg-type]

    def row(self, key: str) -> int:
        """The row of a group. Raises StatisticsError for a group that is not stored, such as a suppressed one."""
        if key not in self.rows:
            raise StatisticsError(f"There are no stored statistics of {key}")
        return self.rows[key]
