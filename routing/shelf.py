"""The model files of this machine: where they may come from, and which backends use them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

from inference.local import crashes
from inference.local import options as local_options
from inference.local.words import Gauges
from inference.store import fetching, hub, models
from inference.store.errors import AbsentModelError, ModelError
from inference.store.facts import Facts
from inference.store.fetching import Progress, Wanted
from inference.store.hub import Hub, Listed
from inference.store.models import ModelFile
from inference.store.web import Source
from routing import gauges, upstreams
from routing.models import Backend, Kind

WORDS = {
    "ready": ("loaded", "ok"),
    "loading": ("loading", "warn"),
    "failed": ("failed", "bad"),
    "taken-out": ("taken out", "bad"),
}
"""A gauge's state as the page says it, and how the badge looks."""
DAMAGED = "The file has another size than when it was taken in. Remove it and bring it again."
TAKEN_OUT = "A worker died twice while it was loading this file, so none loads it any more."


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull:
    """What to fetch (`owner/name`, `owner/name:file-or-quantisation` or an address) and as what."""

    what: str
    name: str = ""
    variant: str = ""
    revision: str = "main"
    sha256: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """How a file is doing in the workers, in a word and with what there is to say about it."""

    word: str
    look: str = ""
    message: str = ""
    gauges: Gauges | None = None
    may_retry: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    wanted: Wanted
    reference: str
    source: str


def pull(asked: Pull, progress: Progress = fetching.quiet) -> ModelFile:
    """Raises ModelError with what stands in the way; what was fetched by then is gone on from."""
    store = models.store()
    found = _by_address(asked) if "://" in asked.what else _in_hub(asked)
    if ":" in found.reference:
        store.must_be_free(found.reference)
    key = hashlib.sha256(found.wanted.source.url.encode()).hexdigest()[:24]
    part = fetching.fetch(
        found.wanted, store.folder / models.INCOMING / f"{key}.part", progress=progress
    )
    try:
        return store.keep(part, found.reference, source=found.source)
    finally:
        fetching.forget(part)  # whole, and kept or of no use


def users(model: ModelFile) -> list[Backend]:
    """The backends whose calls this file answers, by whichever name they call it."""
    rows = Backend.objects.filter(kind=Kind.LOCAL).order_by("name")
    return [row for row in rows if resolved(row.model) == model.reference]


def resolved(reference: str) -> str:
    """The whole name of what a backend's `model` means now; empty when it is not there."""
    try:
        return models.find(reference).reference
    except ModelError:
        return ""


def state(model: ModelFile) -> State:
    """What the workers' heartbeats say; crashes stand on the disk and are known without them.
    Embedders run in the web process and beat for nobody."""
    if model.facts.embeds:
        return State(word="embedder")
    if model.damaged:
        return State(word="damaged", look="bad", message=DAMAGED)
    said = [each for each in gauges.everything() if each.model == model.reference]
    found = said[0] if said else None
    if _marks().crashes(model.reference, model.path) >= crashes.ENOUGH:
        return State(word="taken out", look="bad", message=TAKEN_OUT, may_retry=True)
    if found is None:
        return State(word="not loaded")
    word, look = WORDS.get(found.state, (found.state, ""))
    return State(
        word=word,
        look=look,
        message=found.message,
        gauges=found if found.state == "ready" else None,
        may_retry=look == "bad",
    )


def forgive(model: ModelFile) -> None:
    """Forgets its crashes, so that a worker may load it again."""
    _marks().forgive(model.reference)


def unfit(
    model: str, context: int, capabilities: Collection[str], options: Mapping[str, Any]
) -> dict[str, str]:
    """What a local backend may not claim of its model, by field; empty when all is well."""
    try:
        facts = models.find(model).facts
    except ModelError as error:
        return {"model": str(error)}
    wrong = {}
    holds = context_in(facts, options)
    if facts.context and int(options.get("context") or 0) > facts.context:
        wrong["options"] = f"context: {model} holds {facts.context} tokens."
    elif holds and context > holds:
        wrong["context"] = f"{model} holds {holds} tokens as its options have it loaded."
    if refused := _cannot(facts, capabilities):
        wrong["capabilities"] = f"{model} {refused}."
    return wrong


def context_of(model: str, options: Mapping[str, Any]) -> int:
    """What a backend of this model holds when nobody says less; 0 where nobody knows."""
    try:
        return context_in(models.find(model).facts, options)
    except ModelError:
        return 0


def context_in(facts: Facts, options: Mapping[str, Any]) -> int:
    """Embedders take a text at a time; what writes is loaded as its options and memory have it."""
    return facts.context if facts.embeds else local_options.effective_context(facts, options)


def capabilities_of(facts: Facts) -> tuple[str, ...]:
    """Grammars keep any model that writes to a schema; tools take a template that knows them."""
    if facts.embeds:
        return ("embeddings",)
    return ("tools", "json_schema") if facts.tools else ("json_schema",)


def remove(reference: str, *, force: bool = False) -> ModelFile:
    """Refused while an enabled backend answers with it."""
    model = models.look(reference)
    if ":" not in reference:
        raise AbsentModelError(f"Say which variant: {model.reference}?")
    busy = [row.name for row in users(model) if row.enabled]
    if busy and not force:
        raise ModelError(
            f"{model.reference} answers for {', '.join(busy)}: switch that off first (or --force)."
        )
    return models.store().remove(model.reference)


def _cannot(facts: Facts, claimed: Collection[str]) -> str:
    if facts.embeds:
        return "" if set(claimed) == {"embeddings"} else "makes embeddings and nothing else"
    if "embeddings" in claimed:
        return "writes text and makes no embeddings"
    if "vision" in claimed:
        return "reads text only"
    return "has a chat template without tools" if "tools" in claimed and not facts.tools else ""


def _marks() -> crashes.Marks:
    return crashes.Marks(models.store().folder)


def _in_hub(asked: Pull) -> _Found:
    repository, _, meant = asked.what.partition(":")
    base = str(settings.KORA_HUB_URL)
    where = Hub(base=base, token=settings.KORA_HUB_TOKEN, judge=_judge_hub)
    file = hub.choose(hub.files(where, repository, asked.revision), meant)
    name = re.sub(r"[-_.]gguf$", "", repository.partition("/")[2], flags=re.IGNORECASE)
    return _Found(
        wanted=hub.wanted(where, repository, file, asked.revision),
        reference=_reference(asked, name, file.mix),
        source=f"{base}/{repository} {file.path} ({asked.revision})",
    )


def _by_address(asked: Pull) -> _Found:
    if wrong := _judge_listed(asked.what):
        raise ModelError(wrong)
    parts = urlsplit(asked.what)
    file = Listed(path=PurePosixPath(unquote(parts.path)).name)
    stem = re.sub(rf"[-._]{re.escape(file.mix)}$", "", Path(file.path).stem, flags=re.IGNORECASE)
    return _Found(
        wanted=Wanted(
            source=Source(url=asked.what, judge=_judge_listed), sha256=asked.sha256.lower()
        ),
        reference=_reference(asked, stem, file.mix),
        source=parts._replace(query="", fragment="").geturl(),  # a query may hold a signature
    )


def _reference(asked: Pull, name: str, variant: str) -> str:
    """A bare name leaves it to the file which variant it is."""
    chosen = asked.variant or variant
    reference = f"{asked.name or name}:{chosen}" if chosen else asked.name or name
    return ":".join(part for part in models.split(reference) if part)


def _judge_hub(url: str) -> str:
    """The hub itself is where its operator says; where it sends on must be public."""
    own = urlsplit(settings.KORA_HUB_URL)
    asked = urlsplit(url)
    if (asked.scheme, asked.netloc) == (own.scheme, own.netloc):
        return ""
    if asked.scheme != "https" and own.scheme == "https":
        return "The hub redirects to an address without TLS."
    return _private(url)


def _judge_listed(url: str) -> str:
    listed = settings.KORA_MODEL_URLS
    if not any(_below(url, beginning) for beginning in listed):
        return (
            f"{urlsplit(url).hostname} is not on the list of addresses that models may come from "
            "(KORA_MODEL_URLS)."
        )
    return _private(url)


def _below(url: str, beginning: str) -> bool:
    """Same scheme, host and port, and a path below; `..` in any spelling is below nothing."""
    asked, listed = urlsplit(url), urlsplit(beginning)
    path = unquote(asked.path)
    if ".." in path or "\\" in path:
        return False
    folder = listed.path.rstrip("/")
    same = (asked.scheme, asked.netloc.lower()) == (listed.scheme, listed.netloc.lower())
    return same and (path == folder or path.startswith(f"{folder}/"))


def _private(url: str) -> str:
    plain = urlsplit(url)._replace(query="", fragment="").geturl()
    return upstreams.refusal(plain, allowed=settings.KORA_ALLOW_PRIVATE_UPSTREAMS)
