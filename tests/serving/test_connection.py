"""Slow, huge and broken requests, as raw bytes over a real socket."""

import json
import socket

import httpx
import pytest

from tests.serving.conftest import NewKey, Serve

BODY = json.dumps({"text": "报警人称老板欠三个月工钱不给"}).encode()
HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


def connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def all_of(connection: socket.socket) -> bytes:
    """Everything until the service closes the connection."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def problem_of(answer: bytes) -> dict[str, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head
    found = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % found["status"])
    return dict(found)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/pre",
        HEAD,
        HEAD + b"Content-Length: 100\r\n\r\n",
        HEAD + b'Content-Length: 100\r\n\r\n{"text": "',
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n",
    ],
)
def test_a_request_that_stops_half_way_is_given_up(serve: Serve, sent: bytes) -> None:
    with connect(serve(header_seconds=0.3, body_seconds=0.3)) as connection:
        connection.sendall(sent)
        assert problem_of(all_of(connection))["type"] == "urn:fenliu:problem:request-too-slow"


def test_a_byte_now_and_then_does_not_hold_a_connection(serve: Serve) -> None:
    with connect(serve(header_seconds=0.3)) as connection:
        connection.settimeout(0.05)
        answer = b""
        for byte in HEAD * 100:
            try:
                connection.sendall(bytes([byte]))
                answer = connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if answer:
                break
        assert problem_of(answer)["status"] == 408


def test_empty_lines_do_not_hold_a_connection_either(serve: Serve) -> None:
    with connect(serve(header_seconds=0.3)) as connection:
        connection.sendall(WHOLE)
        connection.settimeout(0.05)
        for _ in range(200):
            try:
                connection.sendall(b"\r\n")
                if not connection.recv(65536):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("the connection is still open")


def test_a_stranger_cannot_go_on_sending_after_the_refusal(serve: Serve, new_key: NewKey) -> None:
    new_key("predict")
    with connect(serve(body_seconds=0.5)) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_without_end_is_cut_off(serve: Serve, new_key: NewKey) -> None:
    new_key("predict")
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with connect(serve(max_body_bytes=100_000, body_seconds=600)) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(1000):
                connection.sendall(chunk)


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"X-Long: " + b"a" * 5000 + b"\r\n\r\n",
        HEAD + b"X-Long: " + b"a" * 5000,
        HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(1000)) + b"\r\n",
        b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Long: " + b"a" * 5000 + b"\r\n\r\n",
    ],
)
def test_a_head_beyond_the_limit_is_refused(serve: Serve, sent: bytes) -> None:
    with connect(serve(max_header_bytes=4096)) as connection:
        connection.sendall(sent)
        problem = problem_of(all_of(connection))
    assert problem["type"] == "urn:fenliu:problem:headers-too-large"
    assert problem["status"] == 431


def test_what_is_not_http_is_a_problem(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with connect(serve()) as connection:
        connection.sendall("报警 13812345678\r\n\r\n".encode())
        assert problem_of(all_of(connection))["type"] == "urn:fenliu:problem:malformed-request"
    assert "138" not in caplog.text


def test_large_bodies_within_the_limits_pass_on_one_connection(serve: Serve) -> None:
    address = serve(max_header_bytes=2048)
    large = b" " * 4_000_000 + BODY
    headers = {"Content-Type": "application/json"}
    with httpx.Client(base_url=f"http://{address}") as client:
        for _ in range(3):
            assert client.post("/v1/predict", content=large, headers=headers).status_code == 200
            assert client.get("/healthz").status_code == 200


def test_requests_sent_at_once_are_answered_in_order(serve: Serve) -> None:
    last = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    with connect(serve(header_seconds=5)) as connection:
        connection.sendall(WHOLE + WHOLE + last)
        answer = all_of(connection)
    assert [answer.count(b"HTTP/1.1 %d" % status) for status in (200, 422)] == [2, 1]


def test_a_slow_request_within_the_limits_is_answered(serve: Serve) -> None:
    with connect(serve()) as connection:
        for place in range(0, len(WHOLE), 16):
            connection.sendall(WHOLE[place : place + 16])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
