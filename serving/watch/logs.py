"""Logs: one line for each request and each event, JSON or text, on standard output.

An event has a name and fields, never a sentence put together at run time, so that nothing a caller
said can slip in. For the same reason a fault is logged as the kinds of its errors and the places in
the code: the message of somebody else's error may quote what it was given.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from fenliu.errors import FenliuError

LogFormat = Literal["json", "text"]

_logger = logging.getLogger("fenliu")
_notes: ContextVar[dict[str, Any] | None] = ContextVar("notes", default=None)
# An error that another one caused, and so on; no real chain is longer.
_CHAIN = 8


def configure(log_format: LogFormat | None, level: str) -> None:
    """Log to standard output from here on; without a format, text in a terminal and else JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(TextLines() if format_of(log_format) == "text" else JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries speak up only when something is wrong.
    root.setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    _logger.setLevel(level.upper())


def format_of(wanted: LogFormat | None) -> LogFormat:
    """The format in force."""
    return wanted or ("text" if sys.stdout.isatty() else "json")


def event(
    name: str, level: int = logging.INFO, fault: BaseException | None = None, **fields: Any
) -> None:
    """Log an event with its fields; inside a request its id is added.

    `fault` adds where an error came from. Fields hold numbers, identifiers and versions, never a
    narrative, a caller, a location, a phone number or a query string.
    """
    if _logger.isEnabledFor(level):
        # As `_logger.log` does, but for the search of the calling line, which nobody is shown.
        more = {"fields": fields, "fault": fault}
        _logger.handle(_logger.makeRecord("fenliu", level, "", 0, name, (), None, extra=more))


@contextmanager
def request(request_id: str) -> Iterator[dict[str, Any]]:
    """What is logged inside belongs to a request; yields the fields of the request's own line."""
    notes: dict[str, Any] = {"request_id": request_id}
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def note(**fields: Any) -> None:
    """Add fields to the line of the request under way, if there is one."""
    notes = _notes.get()
    if notes is not None:
        notes.update(fields)


def noted(*names: str) -> dict[str, Any]:
    """Those of some fields that the line of the request under way has by now."""
    notes = _notes.get() or {}
    return {name: notes[name] for name in names if name in notes}


def request_id() -> str | None:
    """Id of the request under way."""
    notes = _notes.get()
    return None if notes is None else notes["request_id"]


def event_of_request(method: str, route: str, status: int, seconds: float) -> None:
    """Log the line of the request under way, with all that was noted; a failure is an error."""
    level = logging.ERROR if status >= 500 or not status else logging.INFO
    fields: dict[str, Any] = {"method": method, "route": route, "status": status}
    fields |= {"milliseconds": round(seconds * 1000, 3)} | (_notes.get() or {})
    event("request", level, **fields)


class JsonLines(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        return msgspec.json.encode(_line(record)).decode()


class TextLines(logging.Formatter):
    """A record as people read it in a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        line = _line(record)
        head = f"{line.pop('time')} {line.pop('level'):7s} {line.pop('event')}"
        places = line.pop("fault", ())
        fields = " ".join(f"{name}={value}" for name, value in line.items())
        return "\n    ".join((f"{head} {fields}".rstrip(), *places))


def _line(record: logging.LogRecord) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.created, UTC)
    line: dict[str, Any] = {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
    }
    fields: dict[str, Any] | None = getattr(record, "fields", None)
    if fields is None:
        line |= {"event": "library", "logger": record.name, "message": record.getMessage().strip()}
        fault = record.exc_info[1] if record.exc_info else None
    else:
        line["event"] = record.msg
        fault = getattr(record, "fault", None)
    found = request_id()
    if found is not None:
        line["request_id"] = found
    line |= fields or {}
    if fault is not None:
        line["fault"] = list(_places(fault))
    return line


def _places(fault: BaseException) -> Iterator[str]:
    """The kind of an error and of those that caused it, each with its places in the code."""
    error: BaseException | None = fault
    for _ in range(_CHAIN):
        if error is None:
            return
        said = f": {error}" if isinstance(error, FenliuError) else ""
        yield f"{type(error).__module__}.{type(error).__qualname__}{said}"
        for frame in traceback.extract_tb(error.__traceback__):
            yield f"at {frame.filename}:{frame.lineno} {frame.name}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
