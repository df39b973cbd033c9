import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

KEY = {"Idempotency-Key": "k-1"}
CALL = {"text": "报警人称老板欠三个月工钱不给", "caller": "甲"}


def test_a_request_that_comes_again_gets_its_answer_again(client: TestClient) -> None:
    first = client.post("/v1/predict", json=CALL, headers=KEY)
    again = client.post("/v1/predict", json=CALL, headers=KEY)
    assert again.content == first.content
    assert client.post("/v1/predict", json=CALL).content != first.content


def test_a_key_with_another_request_is_refused_alone(client: TestClient) -> None:
    client.post("/v1/predict", json=CALL, headers=KEY)
    other = client.post("/v1/predict", json=CALL | {"caller": "乙"}, headers=KEY)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:fenliu:problem:idempotency-key-reused"


@pytest.mark.parametrize("key", ["", "x" * 129, "a b"])
def test_a_key_that_cannot_be_taken_is_named(client: TestClient, key: str) -> None:
    answer = client.post("/v1/predict", json=CALL, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert "idempotency-key" in answer.json()["errors"][0]["field"].lower()


def test_rows_of_a_batch_have_keys_of_their_own(client: TestClient) -> None:
    def send(calls: list[dict[str, Any]]) -> list[Any]:
        answer = client.post("/v1/predict/batch", json={"calls": calls}, headers=KEY)
        return list(answer.json()["results"])

    first = send([CALL, {"text": "电瓶车被偷"}])
    changed = send([CALL, {"text": "电瓶车不见了"}])
    assert changed[0] == first[0]
    assert changed[1]["error"]["type"].endswith("idempotency-key-reused")


def test_a_stream_answers_line_by_line(client: TestClient) -> None:
    lines = [
        json.dumps({"text": "电瓶车被偷", "call_id": "s-1"}, ensure_ascii=False),
        "",
        "{",
        json.dumps({"text": ""}),
        json.dumps({"text": "吵架", "phone": "1"}, ensure_ascii=False),
        *(json.dumps({"text": f"楼上漏水{n}", "call_id": f"s-{n}"}) for n in range(2, 200)),
    ]
    answer = client.post("/v1/predict/stream", content="\n".join(lines).encode())
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert len(results) == len(lines) - 1
    assert results[0]["type"]["code"] == "1601"
    fields = [result["error"]["errors"][0]["field"] for result in results[1:4]]
    assert fields == ["lines[1]", "lines[2].text", "lines[3].phone"]
    assert [r["call_id"] for r in results[4:]] == [f"s-{n}" for n in range(2, 200)]


def test_a_line_without_end_ends_the_stream(client: TestClient) -> None:
    body = b'{"text": "\xe5\x90\xb5\xe6\x9e\xb6"}\n{"text": "' + b"a" * 300_000
    answer = client.post("/v1/predict/stream", content=body)
    first, last = (json.loads(line) for line in answer.text.splitlines())
    assert first["decision_id"]
    assert "bytes" in last["error"]["detail"]
