"""Whatever is wrong with a request, the answer says what and where, and is never a 500."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from workers.serving.tests.running import TOKEN, GatewayProcess, person, row, tensor

AGE, COLOUR = tensor("age", "FP64", 40.0), tensor("colour", "BYTES", "red")

V2_CASES: list[tuple[Any, str]] = [
    ({}, "body"),
    ({"inputs": {}}, "body"),
    ({"inputs": []}, "body"),
    ({"inputs": [1]}, "body"),
    ({"inputs": [COLOUR]}, "age"),
    ({"inputs": [AGE, AGE]}, "age"),
    ({"inputs": [AGE, tensor("shoe", "FP64", 1.0)]}, "shoe"),
    ({"inputs": [tensor("age", "FP64", "forty")]}, "age"),
    ({"inputs": [tensor("age", "FP64", True)]}, "age"),
    ({"inputs": [tensor("age", "FP64", None)]}, "age"),
    ({"inputs": [tensor("age", "FP64", float("nan"))]}, "age"),
    ({"inputs": [tensor("age", "FP64", float("inf"))]}, "age"),
    ({"inputs": [tensor("age", "FP64", 10**400)]}, "age"),
    ({"inputs": [tensor("age", "FP64", [[1.0]])]}, "age"),
    ({"inputs": [tensor("age", "FP64", {})]}, "age"),
    ({"inputs": [tensor("age", "BYTES", "40")]}, "age"),
    ({"inputs": [{**AGE, "datatype": None}]}, "age"),
    ({"inputs": [{**AGE, "datatype": ["FP64"]}]}, "age"),
    ({"inputs": [{**AGE, "datatype": "FP128"}]}, "age"),
    ({"inputs": [{**AGE, "shape": [2]}]}, "age"),
    ({"inputs": [{**AGE, "shape": [1, 2]}]}, "age"),
    ({"inputs": [{**AGE, "shape": [-1]}]}, "age"),
    ({"inputs": [{**AGE, "shape": [True]}]}, "age"),
    ({"inputs": [{**AGE, "shape": []}]}, "age"),
    ({"inputs": [{**AGE, "shape": "1"}]}, "age"),
    ({"inputs": [{"name": "age", "datatype": "FP64", "shape": [1]}]}, "age"),
    ({"inputs": [{"name": "age", "datatype": "FP64", "shape": [0], "data": []}]}, "body"),
    ({"inputs": [AGE, tensor("colour", "BYTES", 7)]}, "colour"),
    ({"inputs": [AGE, tensor("colour", "BYTES", "red", "red")]}, "colour"),
    ({"inputs": [AGE, tensor("colour", "BYTES", "a\0b")]}, "colour"),
    ({"inputs": [AGE, tensor("colour", "BYTES", "\ud800")]}, "colour"),
    ({"inputs": [AGE, {**COLOUR, "parameters": {"binary_data_size": 3}}]}, "colour"),
    ({"inputs": [AGE, {**COLOUR, "parameters": 3}]}, "colour"),
    ({**row(), "id": 3}, "id"),
    ({**row(), "parameters": []}, "parameters"),
    ({**row(), "outputs": {}}, "outputs"),
    ({**row(), "outputs": [{}]}, "outputs"),
    ({**row(), "outputs": [{"name": "colour"}]}, "colour"),
]

MLFLOW_CASES: list[tuple[Any, str]] = [
    ({}, "body"),
    ({"instances": [person()], "inputs": [person()]}, "body"),
    ({"instances": 1}, "instances"),
    ({"instances": []}, "instances"),
    ({"instances": [1]}, "body"),
    ({"instances": [{"colour": "red"}]}, "age"),
    ({"instances": [person("old")]}, "age"),
    ({"instances": [person(), person(None)]}, "age"),
    ({"instances": [[1.0]]}, "instances[0]"),
    ({"dataframe_records": {"age": 1}}, "dataframe_records"),
    ({"dataframe_records": [person(agee=3)]}, "agee"),
    ({"dataframe_split": []}, "dataframe_split"),
    ({"dataframe_split": {"columns": ["age"]}}, "dataframe_split"),
    ({"dataframe_split": {"columns": ["age"], "data": []}}, "body"),
    ({"dataframe_split": {"columns": ["age", "age"], "data": [[1, 1]]}}, "body"),
    ({"dataframe_split": {"columns": ["colour"], "data": [["red"]]}}, "age"),
    ({"dataframe_split": {"columns": ["age"], "data": [[1], [1, 2]]}}, "dataframe_split.data[1]"),
    ({"inputs": {}}, "inputs"),
    ({"inputs": {"age": [1, 2], "colour": ["red"]}}, "inputs"),
    ({"inputs": {"age": []}}, "inputs"),
    ({"instances": [person()], "params": {"temperature": 1}}, "params"),
]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        *(("/v2/models/loan/infer", body, field) for body, field in V2_CASES),
        *(("/loan/invocations", body, field) for body, field in MLFLOW_CASES),
    ],
)
def test_wrong_input_is_a_400_that_names_the_field(standing: GatewayProcess, path: str, body: Any, field: str) -> None:
    response = standing.client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})

    problem = response.json()
    assert (response.status_code, problem["field"]) == (400, field), problem
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == 400
    assert problem["detail"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"1", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 20_000, b"9" * 5_000],
)
def test_body_that_is_no_json_object_is_a_400(standing: GatewayProcess, content: bytes) -> None:
    for path in ("/v2/models/loan/infer", "/loan/invocations"):
        response = standing.client.post(path, content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == 400
        assert response.json()["type"] == "urn:fairway:problem:invalid-json"


def test_too_large_too_many_and_other_media_types(standing: GatewayProcess) -> None:
    ages = {"instances": [{"age": 1}] * 10_001}
    url = "/v2/models/loan/infer"

    refused = standing.client.post(url, content=b" " * 200_001)
    assert (refused.status_code, refused.json()["detail"]) == (413, "The body is larger than 195.3 KiB.")
    assert standing.client.post(url, content=iter([b" " * 150_000] * 2)).status_code == 413
    assert standing.client.post("/loan/invocations", json=ages).status_code in (400, 413)
    for media in ("text/csv", "application/x-www-form-urlencoded", "application/octet-stream"):
        response = standing.client.post(url, content=b"age\n1", headers={"Content-Type": media})
        assert response.status_code == 415
    packed = standing.client.post(url, json=row(), headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    charset = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert standing.client.post(url, content=json.dumps(row()), headers=charset).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/loan/infer", 405),
        ("PUT", "/loan/invocations", 405),
        ("POST", "/v2", 405),
        ("DELETE", "/v2/models/loan", 405),
        ("GET", "/", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/loan/explain", 404),
        ("GET", "/v2/models/..%2f..%2fetc%2fpasswd", 404),
        ("POST", "/v2/models/%2e%2e/infer", 404),
        ("POST", "/..%00/invocations", 404),
        ("POST", "/invocations", 400),
        ("POST", "/invocations?deployment=a&deployment=b", 400),
        ("POST", "/invocations?deployment=../loan", 404),
    ],
)
def test_addresses_that_lead_nowhere(standing: GatewayProcess, method: str, path: str, status: int) -> None:
    response = standing.client.request(method, path, json=row() if method == "POST" else None)

    assert response.status_code == status
    assert ("allow" in response.headers) == (status == 405)


def exchange(gateway: GatewayProcess, *parts: bytes) -> bytes:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        for part in parts:
            link.sendall(part)
        link.shutdown(socket.SHUT_WR)
        answer = b""
        while data := link.recv(65536):
            answer += data
    return answer


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET http://x/health/live HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (b"POST /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", b"4"),
        (b"POST /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"4"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"200"),
    ],
)
def test_requests_that_no_library_would_send(standing: GatewayProcess, raw: bytes, status: bytes) -> None:
    assert exchange(standing, raw).startswith(b"HTTP/1.1 " + status)


def test_pipelined_requests_are_answered_in_order(standing: GatewayProcess) -> None:
    def ask(number: int) -> bytes:
        body = json.dumps({**row(), "id": f"n{number}"}).encode()
        head = f"POST /v2/models/loan/infer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    requests = b"".join(ask(number) + b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n" for number in range(30))
    answer = exchange(standing, requests[:1000], requests[1000:])

    assert answer.count(b"HTTP/1.1 200 OK") == 60
    found = [answer.index(f'"id":"n{number}"'.encode()) for number in range(30)]
    assert found == sorted(found)


def test_expectation_is_confirmed_and_chunks_are_joined(standing: GatewayProcess) -> None:
    body = json.dumps(row()).encode()
    chunks = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (10, body[:10], len(body) - 10, body[10:])
    head = (
        f"POST /v2/models/loan/infer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    )

    answer = exchange(standing, head.encode(), chunks)

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
