"""Decide on a file of narratives: JSON lines in, JSON lines out, in the same order.

In: `{"id", "text"}`. Out: the decision with the same `id`. A line that cannot be taken becomes
`{"id", "error"}`, or `{"line", "error"}` where it has no id; the others are still decided on.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from fenliu.classifier import Classifier
from fenliu.errors import InvalidInput


def decide_lines(classifier: Classifier, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """One result for each line that is not blank; those with the key `error` failed."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place: dict[str, Any] = {"line": number}
        try:
            entry = _parse(line)
            if entry.get("id") is not None:
                place = {"id": entry["id"]}
            if "text" not in entry:
                raise InvalidInput("text", "is missing: each line needs a narrative")
            decision = classifier.decide(entry["text"])
        except InvalidInput as error:
            yield {**place, "error": str(error)}
        else:
            yield {"id": entry.get("id", number), **decision.as_dict()}


def _parse(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidInput("line", "is not UTF-8: convert the file") from None
    except ValueError:
        raise InvalidInput("line", 'is not JSON: write {"id": …, "text": …}') from None
    if not isinstance(entry, dict):
        raise InvalidInput("line", 'is not a JSON object: write {"id": …, "text": …}')
    return entry
