import pytest

# Seconds. A notebook trains models, and CI machines are slow.
LONGEST = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(LONGEST))
