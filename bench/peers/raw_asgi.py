"""The least that an ASGI server can do with a request: read it and answer a constant."""

from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer `{}`."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
