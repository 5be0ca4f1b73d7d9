"""A notebook as a job: refused until it is clean, run from the top, kept as it came out.

What runs it is a stand-in for nbclient, nbformat and ipykernel that executes cells in this order in one process: the
packages themselves come from an index, which tests do not have.
"""

from __future__ import annotations

import json

import pytest

from apps.code.models import Environment
from apps.code.tests.factories import bundle_make, wheel_make
from apps.code.tests.test_notebooks import notebook
from apps.core.errors import Invalid
from apps.experiments import selectors as experiments
from apps.jobs import selectors as jobs
from apps.jobs import tasks
from apps.jobs.models import Job
from apps.jobs.tests.factories import scientist
from apps.training import services

pytestmark = pytest.mark.django_db(transaction=True)

NBFORMAT = """
import json


class Map(dict):
    __getattr__ = dict.__getitem__


class v4:
    @staticmethod
    def new_code_cell(source, metadata):
        return Map(cell_type="code", source=source, metadata=metadata, outputs=[], execution_count=None)


def read(path, as_version):
    return json.load(open(path), object_hook=Map)


def write(notebook, path):
    json.dump(notebook, open(path, "w"))
"""
NBCLIENT = """
import contextlib
import io
import sys
import types


class CellExecutionError(Exception):
    def __init__(self, ename, evalue):
        self.ename, self.evalue = ename, evalue


sys.modules["nbclient.exceptions"] = types.ModuleType("nbclient.exceptions")
sys.modules["nbclient.exceptions"].CellExecutionError = CellExecutionError
__path__ = []


class NotebookClient:
    def __init__(self, notebook, on_cell_execute, on_cell_executed, **options):
        self.notebook, self.begun, self.ended = notebook, on_cell_execute, on_cell_executed

    def create_kernel_manager(self):
        return self

    def execute(self):
        names = {}
        for number, cell in enumerate(self.notebook["cells"]):
            self.begun(cell=cell, cell_index=number)
            out = io.StringIO()
            try:
                with contextlib.redirect_stdout(out):
                    exec(cell["source"], names)
            except Exception as error:
                cell["outputs"] = [{"output_type": "error"}]
                raise CellExecutionError(type(error).__name__, str(error)) from error
            cell["outputs"] = [{"output_type": "stream", "text": out.getvalue()}]
            self.ended(cell=cell, cell_index=number, execute_reply=None)
"""


@pytest.fixture
def lock(settings, tmp_path, live_server) -> str:
    """A lock of the stand-ins."""
    settings.FAIRWAY_HOME = tmp_path / "home"
    settings.INTERNAL_URL = live_server.url
    folder = tmp_path / "wheels"
    folder.mkdir()
    settings.PACKAGE_FOLDER = str(folder)
    sources = {"nbformat": NBFORMAT, "nbclient": NBCLIENT, "ipykernel": "ANSWER = 0\n"}
    return "".join(wheel_make(folder, name=name, source=source) for name, source in sources.items())


def ran(launch) -> tuple[Job, list[str]]:
    tasks.job_run(str(Environment.objects.get().job_id))
    tasks.job_run(str(launch.job_id))
    return Job.objects.get(pk=launch.job_id), [line.text for line in jobs.log_lines(Job.objects.get(pk=launch.job_id))]


def test_a_clean_notebook_runs_with_its_parameters_and_is_kept_as_it_came_out(lock):
    actor, team = scientist()
    clean = notebook(("rate = 0.5", 1), ("print('rate is', rate)", 2), tagged=1)
    bundle = bundle_make(actor, team, {"work.ipynb": clean.decode(), "requirements.lock": lock})

    launch = services.code_launch(actor=actor, bundle_id=bundle.pk, params={"rate": 0.25})
    job, lines = ran(launch)

    assert job.state == "SUCCEEDED", lines
    assert "rate is 0.25" in lines
    (kept,) = experiments.run_files(launch.run)[0]
    assert kept.path == "work.ipynb"


def test_a_cell_that_raises_is_the_cause_by_its_number_and_the_notebook_is_kept(lock):
    actor, team = scientist()
    broken = notebook(("x = 1", 1), ("raise ValueError('no rows')", 2))
    bundle = bundle_make(actor, team, {"work.ipynb": broken.decode(), "requirements.lock": lock})

    launch = services.code_launch(actor=actor, bundle_id=bundle.pk)
    job, _ = ran(launch)

    assert (job.state, job.cause) == ("FAILED", "ValueError: no rows (cell 2)")
    assert [file.path for file in experiments.run_files(launch.run)[0]] == ["work.ipynb"]


def test_a_notebook_is_refused_until_it_is_clean_with_each_cell(lock):
    actor, team = scientist()
    dirty = notebook(("import torch", 3), ("%matplotlib inline", 1))
    alone = bundle_make(actor, team, json.dumps(json.loads(dirty)), filename="work.ipynb")
    beside = bundle_make(actor, team, {"work.ipynb": dirty.decode(), "requirements.lock": lock})

    with pytest.raises(Invalid) as refusal:
        services.code_launch(actor=actor, bundle_id=beside.pk)
    assert refusal.value.fields["entry"] == [
        "Cell 2: was run as number 1, after a later cell. Restart the kernel and run all cells.",
        "Cell 2: has a magic or a shell escape, “%matplotlib inline”, which a job does not run.",
        "Cell 1: imports torch, which the lock does not pin.",
    ]
    with pytest.raises(Invalid) as refusal:
        services.code_launch(actor=actor, bundle_id=alone.pk)
    assert "a lockfile beside it must pin" in refusal.value.fields["entry"][0]
    with pytest.raises(Invalid) as refusal:
        services.code_launch(actor=actor, bundle_id=beside.pk, environment="own")
    assert "environment" in refusal.value.fields
