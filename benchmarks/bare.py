"""The two yardsticks: a bare ASGI handler and a bare Django async view, on KORA's own server."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import django
import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from benchmarks.mock_upstream import ANSWER, CHAT

Message = MutableMapping[str, Any]
BODY = CHAT.partition(b"\r\n\r\n")[2]
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def asgi(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


async def view(_: HttpRequest) -> JsonResponse:
    """Reads nothing and computes nothing: what is left is Django's own path."""
    return JsonResponse(ANSWER)


def django_app() -> Any:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[],
        INSTALLED_APPS=[],
        LOGGING_CONFIG=None,
    )
    django.setup(set_prefix=False)
    return get_asgi_application()


urlpatterns = [path("v1/chat/completions", view)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bare", description=__doc__)
    parser.add_argument("what", choices=["asgi", "django"])
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    app = asgi if given.what == "asgi" else django_app()
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=given.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",  # the one option unlike KORA's web; it matters at start and end only
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
