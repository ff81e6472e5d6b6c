"""Embeds by a server that speaks OpenAI's `/embeddings`."""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from inference import counting
from inference.embedding import USUAL, Embedded, Terms
from inference.words import EngineError, Failure

AT_ONCE = 4
PATIENCE_S = 30.0
LARGEST_ANSWER = 64 << 20
LONGEST = 8_192
"""What such servers usually read of a text; each knows its own limit and refuses what is longer."""


class Endpoint:
    """What it spends stands in nobody's ledger but the server's."""

    tokens_per_s = 0.0
    wait_s = 0.0
    longest = LONGEST

    def __init__(self, terms: Terms) -> None:
        if not terms.api_base or not terms.model:
            raise ValueError("KORA_EMBEDDER_URL and KORA_EMBEDDER_MODEL say which server to ask")
        self._terms = terms
        self._hands = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="embed-endpoint")
        self._lock = threading.Lock()
        self._dimensions = 0

    @property
    def name(self) -> str:
        return f"{self._terms.model}@{self._terms.api_base}"

    @property
    def dimensions(self) -> int:
        """Known when the server has answered once."""
        with self._lock:
            if not self._dimensions:
                self._dimensions = self._ask(["dimensions"]).vectors.shape[1]
            return self._dimensions

    def warm(self) -> None:
        """There is nothing to load here."""

    def remembers(self, texts: Sequence[str], *, domain: str = "") -> bool:
        del texts, domain
        return False

    def submit(
        self, texts: Sequence[str], *, domain: str = "", memory: str = USUAL
    ) -> Future[Embedded]:
        del domain, memory  # nothing is remembered
        return self._hands.submit(self._ask, list(texts))

    def close(self) -> None:
        self._hands.shutdown(wait=False, cancel_futures=True)

    def _ask(self, texts: list[str]) -> Embedded:
        asked = {"model": self._terms.model, "input": texts, "encoding_format": "base64"}
        try:
            answer = json.loads(self._post(json.dumps(asked).encode()))
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = np.stack([_vector(row["embedding"]) for row in rows])
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise EngineError(Failure.MALFORMED, "the embedder's answer is no list") from error
        if len(vectors) != len(texts):
            raise EngineError(Failure.MALFORMED, "the embedder left out texts")
        return Embedded(vectors=_of_length_one(vectors), tokens=_tokens(answer, texts))

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        if self._terms.secret:
            headers["Authorization"] = f"Bearer {self._terms.secret}"
        url = f"{self._terms.api_base}/embeddings"
        request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310
        try:
            with OPENER.open(request, timeout=PATIENCE_S) as answer:
                return bytes(answer.read(LARGEST_ANSWER))
        except urllib.error.HTTPError as error:
            error.close()
            raise EngineError(
                Failure.SERVER, f"the embedder answered {error.code}", status=error.code
            ) from None
        except TimeoutError:
            raise EngineError(Failure.TIMEOUT, "the embedder did not answer in time") from None
        except (OSError, http.client.HTTPException):
            raise EngineError(Failure.SERVER, "the embedder cannot be reached") from None


class _Unmoved(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Unmoved)


def _vector(given: Any) -> npt.NDArray[np.float32]:
    """Servers that know no base64 send numbers all the same."""
    if isinstance(given, str):
        return np.frombuffer(base64.b64decode(given), dtype="<f4")
    return np.asarray(given, dtype=np.float32)


def _of_length_one(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise EngineError(Failure.MALFORMED, "the embedder sent a vector that is none")
    unit: npt.NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return unit


def _tokens(answer: Any, texts: list[str]) -> int:
    told = (answer.get("usage") or {}).get("prompt_tokens")
    return told if isinstance(told, int) else counting.estimate_tokens({"input": texts})
