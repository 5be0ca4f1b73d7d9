"""The clean environment and the private directory of a job."""

import os
from collections.abc import Mapping
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "ARROW_NUM_THREADS",
)


def clean_environment(work: Path, python_path: Path, cores: int, extra: Mapping[str, str]) -> dict[str, str]:
    """An environment that takes nothing over from the caller: fixed values, then `extra`."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(work),
        "TMPDIR": str(work / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(python_path),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": "0",
        "JOBLIB_MULTIPROCESSING": "0",  # threads do the work; its semaphores would need shared memory
        **{name: str(cores) for name in THREAD_VARIABLES},
        **extra,
    }


def private_directory(path: Path) -> Path:
    """The directory, made if need be, which only its owner can enter (0700). Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(path, 0o700)
    return path
