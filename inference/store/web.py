"""Asks for files over HTTP: each address is judged before it is called, redirects included."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from inference.store.errors import CutError, FetchError, UnreachableError

TIMEOUT_S = 30.0
MOST_REDIRECTS = 5
MOVED = frozenset({301, 302, 303, 307, 308})
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})

Judge = Callable[[str], str]
"""Why an address may not be called, as a sentence; empty when it may."""


def anywhere(_url: str) -> str:
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One address, who may be told the token (its own host and nobody it redirects to)."""

    url: str
    token: str = field(default="", repr=False)
    judge: Judge = anywhere


class _Still(urllib.request.HTTPRedirectHandler):
    """Follows nothing: where a redirect leads is judged first."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


_opener = urllib.request.build_opener(_Still)


def get(source: Source, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    """The response with status 200 or 206 (or 416 to a range), its body unread."""
    url = source.url
    for _ in range(MOST_REDIRECTS + 1):
        _judge(source, url)
        answer = _ask(url, {**headers, **_token(source, url)})
        if answer.status not in MOVED:
            return answer
        url = urljoin(url, answer.headers.get("Location", ""))
        answer.close()
    raise FetchError(f"{_host(source.url)} redirects in circles.")


def _judge(source: Source, url: str) -> None:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise FetchError(f"{_host(source.url)} redirects to something that is no web address.")
    if wrong := source.judge(url):
        raise FetchError(wrong)


def _token(source: Source, url: str) -> dict[str, str]:
    asked, own = urlsplit(url), urlsplit(source.url)
    if not source.token or (asked.scheme, asked.netloc) != (own.scheme, own.netloc):
        return {}
    return {"Authorization": f"Bearer {source.token}"}


def _ask(url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    asked = urllib.request.Request(url, headers={"User-Agent": "kora", **headers})  # noqa: S310 judged
    try:
        answer: http.client.HTTPResponse = _opener.open(asked, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as refused:
        if refused.code in MOVED or refused.code == 416:
            return refused  # type: ignore[return-value]  # it wraps the response
        with refused:
            raise _refusal(refused.code, url) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(
            f"{_host(url)} cannot be reached ({reason}). Without a network, bring the file over "
            "and use `manage.py models import`."
        ) from error
    return answer


def _refusal(status: int, url: str) -> FetchError:
    host = _host(url)
    if status in {401, 403}:
        return FetchError(
            f"{host} refuses access ({status}): the model is private, needs its licence accepted "
            "there, or does not exist. Set KORA_HUB_TOKEN to a token that may read it."
        )
    if status == 404:
        return FetchError(f"{host} has no such model or file (404).")
    if status in BUSY:
        return CutError(f"{host} cannot answer now ({status}).")
    return FetchError(f"{host} answered {status}.")


def _host(url: str) -> str:
    """Never the whole address: signed ones carry secrets in their query."""
    return urlsplit(url).hostname or "the server"
