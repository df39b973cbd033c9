"""Errors as problem details (RFC 9457): the one place where an error becomes an HTTP answer.

Messages name fields and limits, never what a caller wrote there.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from fenliu.errors import FenliuError, InvalidInput, StoreUnavailable
from serving.watch import logs

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:fenliu:problem:"

# slug: status and title; slugs that are not named here are faults of the service.
KINDS = {
    "invalid-json": (HTTPStatus.BAD_REQUEST, "The body is not JSON"),
    "invalid-input": (HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be taken"),
    "text-too-long": (HTTPStatus.UNPROCESSABLE_ENTITY, "A narrative is too long"),
    "body-too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large"),
    "unauthenticated": (HTTPStatus.UNAUTHORIZED, "A key is needed"),
    "forbidden": (HTTPStatus.FORBIDDEN, "This key may not do this"),
    "request-too-slow": (HTTPStatus.REQUEST_TIMEOUT, "The request came too slowly"),
    "headers-too-large": (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The address and headers are too large",
    ),
    "malformed-request": (HTTPStatus.BAD_REQUEST, "This is not HTTP"),
    "rate-limited": (HTTPStatus.TOO_MANY_REQUESTS, "Too many calls in too short a time"),
    "not-found": (HTTPStatus.NOT_FOUND, "There is no such thing"),
    "idempotency-key-reused": (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "An idempotency key belongs to another request",
    ),
    "store-unavailable": (HTTPStatus.SERVICE_UNAVAILABLE, "The decision store cannot be reached"),
    "overloaded": (HTTPStatus.SERVICE_UNAVAILABLE, "Too many calls are waiting"),
    "timed-out": (HTTPStatus.SERVICE_UNAVAILABLE, "The answer took too long"),
}
RETRY_AFTER_SECONDS = 1
# A field that the request names and the schema does not could be named by anything a caller said.
_FIELD_NAME = re.compile(r"[A-Za-z_-]{1,40}")
logger = logging.getLogger("fenliu.problems")


def problem(slug: str, detail: str, **extensions: Any) -> dict[str, Any]:
    """Body of a problem."""
    status, title = KINDS.get(slug, (HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed"))
    return {
        "type": TYPE_PREFIX + slug,
        "title": title,
        "status": int(status),
        "detail": detail,
        **extensions,
    }


def problem_of(error: FenliuError) -> dict[str, Any]:
    """Body of the problem that an error stands for."""
    if isinstance(error, InvalidInput):
        return problem(
            error.slug, str(error), errors=[{"field": error.field, "message": error.message}]
        )
    if isinstance(error, StoreUnavailable):
        # Addresses and reasons of a database are for those who run it.
        logger.warning("%s", error)
        return problem(error.slug, "the store cannot be used now: send the request again")
    return problem(error.slug, str(error))


def fault() -> dict[str, Any]:
    """Body of the problem that a fault of the service is."""
    return problem("internal", "the service failed; its log has the details")


def respond(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Answer with a problem, and note it in the log."""
    status = int(body["status"])
    if status == 503:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS), **(headers or {})}
    logs.note(problem=body["type"].removeprefix(TYPE_PREFIX))
    request_id = logs.request_id()
    named = {**body, "request_id": request_id} if request_id else dict(body)
    return JSONResponse(named, status, headers, media_type=MEDIA_TYPE)


def answer(error: FenliuError, app: FastAPI) -> JSONResponse:
    """Answer an error of the application; a failing store is counted and its reason logged."""
    if isinstance(error, StoreUnavailable):
        app.state.metrics.store_failed()
        logs.note(reason=str(error))
    return respond(problem_of(error))


def install(app: FastAPI) -> None:
    """Answer every error raised on purpose with problem details; `faults` answers the others."""

    @app.exception_handler(FenliuError)
    async def fenliu_error(request: Request, error: FenliuError) -> JSONResponse:
        return answer(error, request.app)

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
        return respond(_validation_problem(error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        slug = "not-found" if error.status_code == 404 else "http"
        body = problem(slug, str(error.detail))
        body |= {"status": error.status_code, "title": HTTPStatus(error.status_code).phrase}
        answer = respond(body)
        answer.headers.update(error.headers or {})
        return answer


def _validation_problem(error: RequestValidationError) -> dict[str, Any]:
    found = error.errors()
    if any(entry["type"] == "json_invalid" for entry in found):
        return problem("invalid-json", "the body is not valid JSON: send one JSON object in UTF-8")
    errors = field_errors(found)
    detail = "; ".join(f"{entry['field']}: {entry['message']}" for entry in errors[:5])
    return problem("invalid-input", detail, errors=errors)


def field_errors(
    found: Sequence[Mapping[str, Any]], prefix: tuple[str | int, ...] = ()
) -> list[dict[str, str]]:
    """Field and message of each error that pydantic found, below a path."""
    return [
        {"field": _field((*prefix, *entry["loc"])), "message": _message(entry)} for entry in found
    ]


def _field(location: tuple[Any, ...]) -> str:
    """Path of a field, such as `calls[3].text`."""
    parts = [part for part in location if part != "body"] or ["body"]
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part if _FIELD_NAME.fullmatch(str(part)) else "?"
            path += f".{name}" if path else str(name)
    return path


def _message(entry: Mapping[str, Any]) -> str:
    if entry["type"] == "string_unicode":
        return "holds a lone surrogate: send valid Unicode"
    if entry["type"] == "extra_forbidden":
        return "is not a field of this request: remove it"
    return str(entry["msg"]).removeprefix("Value error, ")
