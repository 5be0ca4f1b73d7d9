"""Parameters read from sources that are never run."""

from __future__ import annotations

import pytest

from apps.code.reading.bundles import Reading, reading_of
from apps.code.tests.factories import zip_of
from apps.core.errors import Invalid
from workers.contracts.parameters import ParameterError, argv_of, values_clean


def read(source: str | dict[str, str], filename: str = "train.py") -> Reading:
    if isinstance(source, dict):
        return reading_of(zip_of(source), "project.zip")
    return reading_of(source.encode(), filename)


FUNCTION = '''
from pathlib import Path
from typing import Annotated, Literal, Optional


def train(
    data: Path,
    base_model: Path,
    rate: Annotated[float, Ge(0), Lt(1)] = 0.5,
    kind: Literal["fast", "exact"] = "fast",
    depth: Optional[int] = None,
    out: Path = Path("outputs"),
    verbose: bool = False,
    frame: "DataFrame" = None,
):
    """Fit the model.

    Args:
        rate: how fast it learns
        kind (str): which way
    """
'''


def test_a_typed_function_gives_types_defaults_choices_ranges_and_inputs():
    (entry,) = read(FUNCTION).entries

    assert (entry.id, entry.how, entry.source, entry.title) == (
        "train.py:train",
        "function",
        "function",
        "Fit the model.",
    )
    assert entry.schema["properties"] == {
        "data": {"type": "string", "format": "dataset"},
        "base_model": {"type": "string", "format": "model"},
        "rate": {
            "type": "number",
            "default": 0.5,
            "minimum": 0,
            "exclusiveMaximum": 1,
            "description": "how fast it learns",
        },
        "kind": {"type": "string", "enum": ["fast", "exact"], "default": "fast", "description": "which way"},
        "depth": {"type": "integer"},
        "out": {"type": "string", "default": "outputs"},
        "verbose": {"type": "boolean", "default": False},
    }
    assert entry.schema["required"] == ["data", "base_model"]
    assert entry.notes == ("frame keeps its default: its type is none that a form asks for.",)


ARGPARSE = """
import argparse
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("data", type=Path)
parser.add_argument("--rate", "-r", type=float, default=1, help="how fast, %(default)s")
parser.add_argument("--kind", choices=["a", "b"], required=True)
parser.add_argument("--no-cache", action="store_false", dest="cache")
parser.add_argument("--big", action="store_true")
parser.add_argument("--many", nargs="+")
"""


def test_argparse_gives_options_and_the_command_line_that_they_make():
    (entry,) = read(ARGPARSE).entries
    schema = entry.schema

    values = values_clean(schema, {"data": "d.csv", "kind": "b", "cache": False, "big": True})

    assert (entry.source, schema["required"]) == ("argparse", ["data", "kind"])
    assert schema["properties"]["data"]["format"] == "dataset"
    assert argv_of(schema, values) == ["--rate=1.0", "--kind=b", "--no-cache", "--big", "d.csv"]
    assert "many keeps its default" in entry.notes[0]


CLICK = """
import click
@click.command()
@click.option("--rate", default=0.1, type=click.FloatRange(0, 1, max_open=True), help="how fast")
@click.option("--shout/--no-shout", default=False)
@click.option("-n", "--number", "count", type=int, required=True)
@click.argument("data", type=click.Path(exists=True))
def run(rate, shout, count, data):
    pass
"""


def test_click_gives_options_and_the_command_line_that_they_make():
    (entry,) = read(CLICK).entries

    values = values_clean(entry.schema, {"data": "d.csv", "count": 3})

    assert entry.schema["properties"]["rate"]["exclusiveMaximum"] == 1
    assert argv_of(entry.schema, values) == ["--rate=0.1", "--no-shout", "--number=3", "d.csv"]


TYPER = """
import typer
from typing import Annotated
app = typer.Typer()
@app.command()
def fit(data: str, rate: float = typer.Option(0.1, min=0, max=1, help="how fast"), big: bool = False):
    pass
@app.command("judge-it")
def judge(depth: Annotated[int, typer.Option(min=3)] = 4):
    pass
"""


def test_typer_gives_an_entry_for_each_command():
    fit, judge = read(TYPER).entries

    assert (fit.before, judge.before) == (("fit",), ("judge-it",))
    assert argv_of(fit.schema, values_clean(fit.schema, {"data": "x"})) == ["--rate=0.1", "--no-big", "x"]
    assert judge.schema["properties"]["depth"]["minimum"] == 3


PROJECT = """
[project]
name = "churn"
requires-python = ">=3.11"

[tool.fairway]
entry = "churn.fit:train"
environment = "locks/linux.txt"
[tool.fairway.inputs]
data = "dataset"
[tool.fairway.parameters]
rate = { type = "number", default = 0.1, minimum = 0, maximum = 1, description = "how fast" }
rounds = 20

[tool.fairway.entries.judge]
entry = "judge.py"
title = "Judge it"
"""


def test_a_project_declares_entries_inputs_parameters_python_and_lock():
    files = {
        "pyproject.toml": PROJECT,
        "src/churn/fit.py": "def train(data, rate, rounds): ...",
        "judge.py": ARGPARSE,
        "locks/linux.txt": "tinyland==1.0 --hash=sha256:" + "a" * 64,
    }

    found = read({f"churn-main/{path}": text for path, text in files.items()})

    assert (found.name, found.root, found.requires_python) == ("churn", "churn-main", ">=3.11")
    assert (found.lock_path, found.lock_text[:8]) == ("locks/linux.txt", "tinyland")
    main, judge = found.entries
    assert list(main.schema["x-order"]) == ["data", "rate", "rounds"]
    assert main.schema["properties"]["rounds"] == {"type": "integer", "default": 20}
    assert (judge.title, judge.source) == ("Judge it", "argparse")


@pytest.mark.parametrize(
    ("project", "why"),
    [
        ('[tool.fairway]\nentry = "gone.py"', "entry “gone.py”, which is not in the archive"),
        ('[tool.fairway]\nentry = "pack:run"', "neither a file of the archive nor package.module:function"),
        ('[tool.fairway]\nentry = "train:gone"', "train.py has no function “gone”"),
        ('[tool.fairway]\nenvironment = "gone.lock"', "lockfile “gone.lock”, which is not in the archive"),
        ("[tool.fairway]\nentries = 3", "“entries” must be a table"),
        ('[tool.fairway]\nentry = "train.py"\nspeed = 3', "no key “speed”"),
        ('[tool.fairway]\nentry = "train.py"\nparameters.rate = { type = "colour" }', "its type is one of"),
        (
            '[tool.fairway]\nentry = "train.py"\nparameters.rate = { type = "number", default = 2, maximum = 1 }',
            "at most 1",
        ),
        ('[tool.fairway]\nentry = "train.py"\ninputs.data = "picture"', "of type dataset or model"),
        ("[tool.fairway", "cannot be read"),
        ("tool = 3", "must be a table"),
    ],
)
def test_a_project_that_declares_nonsense_is_refused_with_what_is_wrong(project, why):
    with pytest.raises(Invalid) as refusal:
        read({"pyproject.toml": project, "train.py": "def train(x: int = 1): ..."})

    assert why in refusal.value.fields["file"][0]


def test_a_wheel_offers_its_console_scripts():
    files = {
        "pack/cli.py": ARGPARSE + "\ndef main():\n    parser.parse_args()\n",
        "pack-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\n",
        "pack-1.0.dist-info/METADATA": "Name: pack\nRequires-Python: >=3.10\n",
        "pack-1.0.dist-info/entry_points.txt": "[console_scripts]\nfit = pack.cli:main\n",
    }

    found = reading_of(zip_of(files), "pack-1.0-py3-none-any.whl")

    assert (found.kind, found.name, found.requires_python) == ("WHEEL", "pack", ">=3.10")
    assert [(one.id, one.how, one.target, one.source) for one in found.entries] == [
        ("fit", "program", "pack.cli:main", "argparse")
    ]


def test_a_script_without_parameters_runs_as_it_stands_and_a_module_of_definitions_is_no_entry():
    assert [one.how for one in read("print('hello')\n").entries] == ["script"]
    assert read("import os\nLIMIT = 3\n").entries == []


@pytest.mark.parametrize(
    ("given", "name", "why"),
    [
        ({"rate": "fast"}, "rate", "a number, at least 0 and at most 1"),
        ({"rate": 2}, "rate", "a number, at least 0 and at most 1"),
        ({"rate": float("nan")}, "rate", "a number"),
        ({"rounds": 1.5}, "rounds", "a whole number"),
        ({"rounds": True}, "rounds", "a whole number"),
        ({"kind": "c"}, "kind", "Choose one of: a, b."),
        ({"on": "yes"}, "on", "true or false"),
        ({"word": "x\x00"}, "word", "NUL"),
        ({"other": 1}, "other", "no parameter “other”"),
        ({"word": None}, "word", "no default"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_at_its_name(given, name, why):
    schema = {
        "type": "object",
        "properties": {
            "rate": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
            "rounds": {"type": "integer", "default": 1},
            "kind": {"type": "string", "enum": ["a", "b"], "default": "a"},
            "on": {"type": "boolean", "default": False},
            "word": {"type": "string"},
        },
        "required": ["word"],
    }

    with pytest.raises(ParameterError) as refusal:
        values_clean(schema, {"word": "w", **given})

    assert list(refusal.value.errors) == [name]
    assert why in refusal.value.errors[name]
