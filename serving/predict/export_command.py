"""`fenliu decisions export`."""

import json
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from fenliu.errors import InvalidInput
from serving.db import open_database
from serving.predict.export import exported
from serving.settings import Settings


def export(settings: Settings, output: Path, since: str | None, until: str | None) -> None:
    """Write one JSON line for each decision; a new file is for its owner only.

    Raises InvalidInput for a time or file that cannot be taken.
    """
    start, end = _moment("--since", since), _moment("--until", until)
    engine = open_database(settings.database_url)
    count = 0
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        out = sys.stdout if output == Path("-") else stack.enter_context(_create(output))
        for document in exported(engine, start, end):
            out.write(json.dumps(document, ensure_ascii=False) + "\n")
            count += 1
    print(f"{count:,} decisions exported; names and addresses are not masked", file=sys.stderr)


def _create(path: Path) -> TextIO:
    def owner_only(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    try:
        return open(path, "w", encoding="utf-8", opener=owner_only)
    except OSError as error:
        raise InvalidInput(str(path), f"cannot be written: {error.strerror}") from None


def _moment(option: str, value: str | None) -> datetime | None:
    """A date or time; without a zone it is UTC."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidInput(option, "must be such as 2026-11-25 or 2026-11-25T09:30+08:00") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
