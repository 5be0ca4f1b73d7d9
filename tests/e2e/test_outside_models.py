"""A model that a script logged, registered by hand in the browser: what its files do not say is asked for."""

from __future__ import annotations

import secrets
import uuid

import pytest
from playwright.sync_api import expect

from tests.e2e.looking import faults
from tests.flows.stack import token_of
from tests.flows.uploads import Door, mlmodel
from workers.inspection.tests import onnx_files

MODEL = f"Boilers by others {secrets.token_hex(2)}"


@pytest.fixture(scope="module")
def run(product) -> str:
    """The path of the page of a client's run that logged an ONNX model, which says no classes."""
    files = {
        "MLmodel": mlmodel("mlflow.onnx"),
        "model.onnx": onnx_files.logistic({"age": 0.08, "pressure": 3.0}, -7.0),
        "requirements.txt": b"onnxruntime==1.23.0\n",
    }
    door = Door(product.url, token_of(product.stack, "fitter"))
    return f"/runs/{uuid.UUID(door.run_log('by a script', files))}/"


@pytest.mark.slow
def test_what_the_files_do_not_say_is_asked_for_and_marked_where_it_is_wrong(people, run):
    person = people("fitter")
    page = person.page
    person.open(run)
    person.follow("Register as a model", within=page.get_by_role("main"))
    found = faults(person, page.url.removeprefix(person.product.url))

    page.get_by_label("Model").fill(MODEL)
    page.get_by_label("Columns it reads").fill("age INT64\npressure much")
    person.allow("422")
    person.press("Register")
    expect(page.get_by_text("Line 2 is not a name and one of").first).to_be_visible()
    expect(page.get_by_label("Model")).to_have_value(MODEL)

    page.get_by_label("Columns it reads").fill("")
    person.press("Register")
    expect(page.get_by_text("Version 1 is registered.")).to_be_visible()
    expect(page.get_by_role("button", name="Evaluate")).to_have_count(0)
    person.open(page.url.removeprefix(person.product.url) + "signature/")
    found += faults(person, page.url.removeprefix(person.product.url))
    page.get_by_label("Columns it reads").fill("age INT64\npressure FP64")
    page.get_by_label("Classes, in the order of its outputs").fill("holds\nfails")
    person.press("Register")
    expect(page.get_by_text("Version 2 is registered.")).to_be_visible()
    expect(page.get_by_role("main").get_by_text("pressure").first).to_be_visible()
    found += faults(person, page.url.removeprefix(person.product.url))
    assert not found, "\n".join(found)
