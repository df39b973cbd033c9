"""docs/security.md proves nothing with tests that do not exist."""

import re

from fenliu.paths import HOME


def test_every_test_that_is_named_exists() -> None:
    page = (HOME / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 20
    for file, name in named:
        assert f"def {name}(" in (HOME / file).read_text(encoding="utf-8"), name
    for number in range(1, 11):
        assert f"**API{number} " in page
