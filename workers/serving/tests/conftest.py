"""Shared by the serving tests: models fitted once, control planes, and gateways for one test or for many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workers.serving.tests import models
from workers.serving.tests.control_stub import LIFETIME, ControlStub, deployment
from workers.serving.tests.running import TOKEN, GatewayProcess, row, until

Start = Callable[..., GatewayProcess]


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Model directories with the facts of their versions."""
    root = tmp_path_factory.mktemp("models")
    return {
        "binary": (root / "binary", models.binary(root / "binary", threshold=0.4)),
        "binary-2": (root / "binary-2", models.binary(root / "binary-2", seed=7)),
        "many": (root / "many", models.many_class(root / "many")),
        "regression": (root / "regression", models.regression(root / "regression")),
    }


@pytest.fixture
def control() -> Iterator[ControlStub]:
    """A control plane of the test's own."""
    stub = ControlStub()
    yield stub
    stub.close()


@pytest.fixture
def start(control: ControlStub, tmp_path: Path) -> Iterator[Start]:
    """Starts gateways on one home (one after the other) and ends what is left of them."""
    running: list[GatewayProcess] = []

    def begin(*arguments: str) -> GatewayProcess:
        running.append(GatewayProcess(control, tmp_path / "gateway", *arguments))
        return running[-1]

    yield begin
    for gateway in running:
        if gateway.process.poll() is None:
            gateway.kill()


@pytest.fixture(scope="session")
def standing(
    fitted: dict[str, tuple[Path, dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """One gateway with a binary, a many-class and a regression deployment; tests ask it and change nothing."""
    stub = ControlStub()
    entries = []
    for number, (name, kind) in enumerate((("loan", "binary"), ("grade", "many"), ("price", "regression")), 1):
        directory, facts = fitted[kind]
        version = stub.version(f"v-{kind}", number, directory, **facts)
        entries.append(deployment(name, [version], {version["id"]: 10_000}, [TOKEN], mask=["income"]))
    other = deployment("foreign", [], {}, ["token-of-strangers"], team="t-2")
    sibling = deployment("sibling", [], {}, ["token-of-colleagues"])
    stub.publish(*entries, other, sibling)
    gateway = GatewayProcess(stub, tmp_path_factory.mktemp("standing"), "--body-bytes", "200000")
    for entry in entries:
        until(lambda name=entry["name"]: gateway.ready(name), what=f"{entry['name']} is ready")
    yield gateway
    gateway.kill()
    stub.close()


Fitted = dict[str, tuple[Path, dict[str, Any]]]
Entry = Callable[..., dict[str, Any]]


@pytest.fixture
def loan(control: ControlStub, fitted: Fitted) -> Entry:
    """A deployment entry "loan" for versions 1 and 2 of the binary model: `loan([1, 2], {2: 10_000}, state=...)`."""
    return _loan_of(control, fitted)


class Shared:
    """One gateway that the tests of a module change in turn; each begins with version 1 of "loan" answering."""

    def __init__(self, control: ControlStub, gateway: GatewayProcess, loan: Entry) -> None:
        self.control = control
        self.gateway = gateway
        self.loan = loan

    def begin(self) -> None:
        self.control.away, self.control.forge = False, None
        self.control.answer_predictions, self.control.lifetime = 200, LIFETIME
        self.control.publish(self.loan([1], {1: 10_000}))
        until(lambda: self.gateway.pid_of("v-1") and self.served() == 200, what="version 1 answers")

    def served(self) -> int:
        return self.gateway.infer("loan", row()).status_code


@pytest.fixture(scope="module")
def shared_of_module(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """The gateway behind `shared`."""
    stub = ControlStub()
    gateway = GatewayProcess(stub, tmp_path_factory.mktemp("shared"))
    yield Shared(stub, gateway, _loan_of(stub, fitted))
    gateway.kill()
    stub.close()


@pytest.fixture
def shared(shared_of_module: Shared) -> Shared:
    """The module's gateway, with version 1 of "loan" answering."""
    shared_of_module.begin()
    return shared_of_module


def _loan_of(control: ControlStub, fitted: Fitted) -> Entry:
    def entry(numbers: list[int], split: dict[int, int], **more: Any) -> dict[str, Any]:
        versions = []
        for number in numbers:
            directory, facts = fitted["binary" if number == 1 else "binary-2"]
            versions.append(control.version(f"v-{number}", number, directory, **facts))
        shares = {f"v-{number}": points for number, points in split.items()}
        return deployment("loan", versions, shares, [TOKEN], **more)

    return entry
