"""Where webhooks may go, judged by address, and again at every connection."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine

from fenliu.errors import ConfigurationError, InvalidInput
from serving.subscriptions import guard
from serving.subscriptions.service import SubscriptionService
from serving.subscriptions.targets import TargetRules
from tests.serving.subscriptions.receiver import Receiver, wait_until
from tests.serving.subscriptions.working import (
    HOPELESS,
    LOOPBACK,
    deliveries,
    emit,
    subscribe,
    working,
)

PUBLIC = ["1.1.1.1", "223.5.5.5", "2606:4700::1111"]
PRIVATE = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "fec0::1"]
SPECIAL = ["127.0.0.1", "127.8.8.8", "::1", "169.254.1.1", "fe80::1"]
NEVER = [
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
]
WRAPPED = [
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "::7f00:1",
]


@pytest.mark.parametrize("address", PRIVATE + SPECIAL + NEVER + WRAPPED)
def test_by_default_only_public_addresses_are_targets(address: str) -> None:
    assert not TargetRules().allows("hooks.example", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_targets_by_default(address: str) -> None:
    assert TargetRules().allows("hooks.example", address)


def test_private_addresses_are_targets_where_their_network_is_listed() -> None:
    rules = TargetRules.parse("10.1.0.0/16, fd12::/16")
    assert rules.allows("x", "10.1.2.3")
    assert rules.allows("x", "::ffff:10.1.2.3")
    assert rules.allows("x", "fd12::1")
    assert not rules.allows("x", "10.2.0.1")
    assert not rules.allows("x", "1.1.1.1")


def test_a_listed_name_may_be_private_but_not_loopback_or_link_local() -> None:
    rules = TargetRules.parse("Hooks.City.example")
    assert rules.allows("hooks.city.example", "10.1.2.3")
    assert rules.allows("HOOKS.city.example.", "10.1.2.3")
    assert not rules.allows("other.city.example", "10.1.2.3")
    assert not any(rules.allows("hooks.city.example", address) for address in SPECIAL)


@pytest.mark.parametrize("address", NEVER)
def test_nothing_opens_metadata_and_multicast(address: str) -> None:
    listed = "hooks.example,0.0.0.0/0,::/0,169.254.0.0/16,100.64.0.0/10,224.0.0.0/4"
    assert not TargetRules.parse(listed).allows("hooks.example", address)


@pytest.mark.parametrize("address", SPECIAL)
def test_loopback_and_link_local_must_be_listed_as_such(address: str) -> None:
    assert not TargetRules.parse("0.0.0.0/0,::/0").allows("x", address)
    special = TargetRules.parse("127.0.0.0/8,::1/128,169.254.0.0/16,fe80::/10")
    assert special.allows("x", address)


@pytest.mark.parametrize("listed", ["10.0.0.1/8", "http://x", "a b", "10.0.0.0/99"])
def test_a_list_that_cannot_be_read_names_the_entry(listed: str) -> None:
    with pytest.raises(ConfigurationError, match="webhook_allowed_hosts"):
        TargetRules.parse(listed)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example/x",
        "ftp://1.1.1.1/",
        "file:///etc/passwd",
        "gopher://1.1.1.1/",
        "http://",
        "http:///x",
        "http://user:word@1.1.1.1/",
        "http://1.1.1.1/#part",
        "http://1.1.1.1:99999/",
        "http://1.1.1.1/\r\nHost: x",
        "http://1.1.1.1/路",
        "http://1.1.1.1\\@10.0.0.1/",
        "http://[::1",
        "http://1.1.1.1/" + "a" * 2048,
        "http://localhost/",
        "http://127.0.0.1:8000/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.0.1/",
    ],
)
def test_a_url_that_cannot_be_a_target_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TargetRules().check(url)
    assert caught.value.field == "url"


@pytest.mark.parametrize(
    "url", ["https://1.1.1.1/x?y=1", "http://223.5.5.5:8080", "http://no.invalid/"]
)
def test_a_url_that_may_be_a_target_is_taken(url: str) -> None:
    TargetRules().check(url)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What follows does not depend on the database."""
    return f"sqlite:///{tmp_path / 'outbox.db'}"


def test_a_name_that_is_rebound_after_subscribing_is_refused_at_delivery(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no name server to ask in a test, so its answer is what is replaced.
    rules = TargetRules()
    url = f"http://rebound.invalid:{receiver.port}/"
    subscription = SubscriptionService(engine, rules).create(url, None, None)
    monkeypatch.setattr(guard, "resolve", lambda host, port: ["127.0.0.1", "10.0.0.1"])
    emit(engine, "a")
    with working(engine, HOPELESS, rules):
        wait_until(lambda: deliveries(engine, subscription)[0]["state"] == "dead")
    assert deliveries(engine, subscription)[0]["last_error"] == "target_refused"
    assert receiver.received == []


def test_it_connects_to_the_very_address_that_was_judged(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def once(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.1", "127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    subscription = subscribe(engine, f"http://hooks.invalid:{receiver.port}/x")
    monkeypatch.setattr(guard, "resolve", once)
    emit(engine, "a")
    with working(engine, HOPELESS, LOOPBACK):
        wait_until(lambda: deliveries(engine, subscription)[0]["state"] == "delivered")
    assert asked == ["hooks.invalid"]
    assert receiver.received[0].headers["Host"] == f"hooks.invalid:{receiver.port}"


def test_a_name_without_address_is_said_so(engine: Engine) -> None:
    subscription = subscribe(engine, "http://nobody.invalid/")
    emit(engine, "a")
    with working(engine, HOPELESS):
        wait_until(lambda: deliveries(engine, subscription)[0]["state"] == "dead")
    assert deliveries(engine, subscription)[0]["last_error"] == "name_unknown"


def test_a_proxy_of_the_environment_is_not_used(
    engine: Engine, receiver: Receiver, other_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, other_receiver.url)
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    with working(engine):
        wait_until(lambda: deliveries(engine, subscription)[0]["state"] == "delivered")
    assert other_receiver.received == []


def test_https_trusts_the_authorities_of_the_machine_and_no_others(
    engine: Engine, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path / "receiver.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    assert receiver._server
    # The handshake is left to the thread of the request, so that a failed one holds up nothing.
    receiver._server.socket = context.wrap_socket(
        receiver._server.socket, server_side=True, do_handshake_on_connect=False
    )
    subscription = subscribe(engine, receiver.url.replace("http:", "https:"))
    emit(engine, "a")
    with working(engine, HOPELESS):
        wait_until(lambda: deliveries(engine, subscription)[0]["state"] == "dead")
    assert deliveries(engine, subscription)[0]["last_error"] == "tls_failed"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    SubscriptionService(engine, LOOPBACK).replay_dead(subscription["subscription_id"])
    with working(engine, HOPELESS):
        wait_until(lambda: deliveries(engine, subscription)[0]["state"] == "delivered")


def self_signed(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
