"""Notebooks: what of a stored one would not come out the same when it runs from the top."""

from __future__ import annotations

import json

import pytest

from apps.code.reading.notebooks import notebook_read, unpinned
from apps.core.errors import Invalid


def notebook(*cells: tuple[str, int | None], tagged: int = 0) -> bytes:
    made = [
        {
            "cell_type": "code",
            "execution_count": count,
            "metadata": {"tags": ["parameters"] if number == tagged else []},
            "outputs": [],
            "source": source,
        }
        for number, (source, count) in enumerate(cells, start=1)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": made}).encode()


def test_a_notebook_that_was_run_from_the_top_is_clean_and_gives_its_parameters_and_imports():
    found = notebook_read(
        notebook(
            ("from pathlib import Path\nrate: float = 0.5\nrounds = 3\ndata: Path", 1),
            ("import numpy as np\nfrom sklearn.svm import SVC", 2),
            tagged=1,
        )
    )

    assert found.findings == []
    assert found.schema["properties"] == {
        "rate": {"type": "number", "default": 0.5},
        "rounds": {"type": "integer", "default": 3},
        "data": {"type": "string", "format": "dataset"},
    }
    assert found.imports == {"numpy": 2, "sklearn": 2}


@pytest.mark.parametrize(
    ("cells", "cell", "why"),
    [
        ([("x = 1", 2), ("y = x", 1)], 2, "after a later cell"),
        ([("x = 1", 1), ("y = x", None)], 2, "never run"),
        ([("x = 1", 1), ("%matplotlib inline", 2)], 2, "magic or a shell escape"),
        ([("!pip install x", 1)], 1, "“!pip install x”"),
        ([("%%bash\nls", 1)], 1, "magic or a shell escape"),
        ([("open('/home/me/data.csv')", 1)], 1, "“/home/me/data.csv”"),
        ([("open('C:\\\\data\\\\x.csv')", 1)], 1, "path of one machine"),
        ([("open('~/x.csv')", 1)], 1, "path of one machine"),
        ([("def (", 1)], 1, "is no Python"),
    ],
)
def test_hidden_state_is_named_with_its_cell(cells, cell, why):
    findings = notebook_read(notebook(*cells)).findings

    assert [one.cell for one in findings] == [cell]
    assert why in findings[0].text


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"{}", b'{"nbformat": 3, "cells": []}', b'{"nbformat": 4, "cells": [1]}', b"\xff\xfe"),
        b"[" * 100_000,
        b'{"nbformat": 4, "cells": [], "metadata": {"language_info": {"name": "R"}}}',
    ],
)
def test_what_is_no_notebook_is_refused_in_words(data):
    with pytest.raises(Invalid):
        notebook_read(data)


def test_imports_are_pinned_by_the_lock_or_brought_by_the_bundle():
    imports = [("numpy", 1), ("sklearn", 2), ("own", 3), ("inner", 4), ("torch", 5)]

    found = unpinned(imports, ["numpy", "Scikit_Learn"], ["own.py", "src/inner/__init__.py", "work.ipynb"])

    assert found == ["Cell 5: imports torch, which the lock does not pin."]
