"""Keys as they are made, stored and taken back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from fenliu.errors import InvalidInput, NotFound
from serving.db import open_database
from serving.keys.models import api_keys
from serving.keys.ring import KeyRing
from serving.keys.service import create_key, read_keys, revoke_key
from serving.keys.token import new_token, parse_token


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'fenliu.db'}")
    yield engine
    engine.dispose()


def test_only_a_hash_of_the_secret_is_stored(engine: Engine, tmp_path: Path) -> None:
    token, key = create_key(engine, "dispatch", ["predict"])
    assert token.text().startswith(f"fl_{key.key_id}_")
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.key_id.encode() in files
    assert token.secret.encode() not in files
    assert token.secret not in repr(token)


def test_keys_are_long_and_never_the_same() -> None:
    tokens = {new_token().text() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(text.split("_")[2]) == 43 for text in tokens)


@pytest.mark.parametrize(
    "text", ["", "fl_", "fl__", "fl_abc_def", "Bearer x", "fl_bcdfghjk_" + "é" * 43, "fl_" * 100]
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert parse_token(text) is None


def test_a_key_is_known_with_its_scopes_and_all_keys_of_its_machine(engine: Engine) -> None:
    old, _ = create_key(engine, "dispatch", ["predict"])
    new, _ = create_key(engine, "dispatch", ["read", "predict", "read"])
    create_key(engine, "hotline", ["predict"])
    principal = KeyRing(engine).principal(new.text())
    assert principal is not None
    assert (principal.kind, principal.name, principal.subject) == (
        "machine",
        "dispatch",
        new.key_id,
    )
    assert principal.scopes == {"predict", "read"}
    assert principal.peers == {old.key_id, new.key_id}


def test_one_wrong_character_makes_it_unknown(engine: Engine) -> None:
    token, _ = create_key(engine, "dispatch", ["predict"])
    text = token.text()
    ring = KeyRing(engine)
    assert ring.principal(text) is not None
    assert ring.principal(text[:-1] + ("a" if text[-1] != "a" else "b")) is None
    assert ring.principal(text.swapcase()) is None


def test_an_expired_key_is_worthless(engine: Engine) -> None:
    token, key = create_key(engine, "dispatch", ["predict"], days=30)
    assert key.expires_at is not None
    assert key.expires_at - key.created_at == timedelta(days=30)
    assert KeyRing(engine).principal(token.text()) is not None
    with engine.execution_options(write=True).begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(api_keys).values(expires_at=past))
    assert KeyRing(engine).principal(token.text()) is None
    assert KeyRing(engine).has_keys


def test_a_revoked_key_is_worthless_and_stays_so(engine: Engine) -> None:
    token, key = create_key(engine, "dispatch", ["predict"])
    revoked = revoke_key(engine, key.key_id)
    assert KeyRing(engine).principal(token.text()) is None
    assert revoke_key(engine, key.key_id).revoked_at == revoked.revoked_at
    with engine.connect() as connection:
        assert [key.state(datetime.now(UTC)) for key in read_keys(connection)] == ["revoked"]


def test_an_unknown_key_cannot_be_revoked(engine: Engine) -> None:
    with pytest.raises(NotFound, match="fenliu keys list"):
        revoke_key(engine, "none")


@pytest.mark.parametrize(
    ("name", "scopes", "days", "field"),
    [
        ("", ["predict"], None, "--name"),
        (" ", ["predict"], None, "--name"),
        ("a" * 65, ["predict"], None, "--name"),
        ("a\x00", ["predict"], None, "--name"),
        ("a", [], None, "--scope"),
        ("a", ["all"], None, "--scope"),
        ("a", ["predict"], 0, "--expires"),
        ("a", ["predict"], 10**9, "--expires"),
    ],
)
def test_what_cannot_be_taken_is_named(
    engine: Engine, name: str, scopes: list[str], days: int | None, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_key(engine, name, scopes, days)
    assert caught.value.field == field
    assert not KeyRing(engine).has_keys
