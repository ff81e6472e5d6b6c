"""The providers that the console offers, each with defaults that work once a key is entered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from inference.store import shipped_model
from inference.store.models import ModelFile
from routing import shelf
from routing.models import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A provider's usual model; prices are its list prices and can be changed in the form."""

    slug: str
    label: str
    note: str
    kind: str = Kind.CLOUD.value
    name: str
    model: str
    prices: tuple[str, str, str]
    context: int
    max_output: int
    capabilities: tuple[str, ...] = ("tools", "json_schema", "vision")
    quality: float = 0.75
    api_base: str = ""
    key_from: str = ""
    price_compute_s: str = ""
    server: str = ""

    def initial(self) -> dict[str, Any]:
        price_in, price_out, price_cached_in = self.prices
        return {
            "name": self.name,
            "kind": self.kind,
            "model": self.model,
            "api_base": self.api_base,
            "price_in": price_in,
            "price_out": price_out,
            "price_cached_in": price_cached_in,
            "price_compute_s": self.price_compute_s,
            "server": self.server,
            "context": self.context,
            "max_output": self.max_output,
            "capabilities": list(self.capabilities),
            "quality": self.quality,
            "enabled": True,
        }


COMPUTE_S = "0.00001"
"""USD for a second of a core: what rented ones cost in an ordinary month, rounded up."""

MINI_QUALITY = 0.15
"""kora-mini is a demo: it knows a few small tasks and nothing else."""

OFFERS = (
    Offer(
        slug="openai",
        label="OpenAI",
        note="GPT models",
        name="gpt-4o-mini",
        model="openai/gpt-4o-mini",
        prices=("0.15", "0.60", "0.075"),
        context=128_000,
        max_output=16_384,
        quality=0.7,
        key_from="platform.openai.com, API keys",
    ),
    Offer(
        slug="anthropic",
        label="Anthropic",
        note="Claude models",
        name="claude-sonnet",
        model="anthropic/claude-sonnet-4-5",
        prices=("3", "15", "0.30"),
        context=200_000,
        max_output=64_000,
        quality=0.92,
        key_from="console.anthropic.com, API keys",
    ),
    Offer(
        slug="mistral",
        label="Mistral",
        note="Models hosted in the EU",
        name="mistral-small",
        model="mistral/mistral-small-latest",
        prices=("0.10", "0.30", "0.10"),
        context=128_000,
        max_output=8_192,
        quality=0.65,
        key_from="console.mistral.ai, API keys",
    ),
    Offer(
        slug="google",
        label="Google",
        note="Gemini models",
        name="gemini-flash",
        model="gemini/gemini-2.5-flash",
        prices=("0.30", "2.50", "0.03"),
        context=1_048_576,
        max_output=65_536,
        quality=0.78,
        key_from="aistudio.google.com, API keys",
    ),
    Offer(
        slug="azure",
        label="Azure OpenAI",
        note="A deployment of your own",
        name="azure-gpt-4o-mini",
        model="azure/your-deployment",
        prices=("0.15", "0.60", "0.075"),
        context=128_000,
        max_output=16_384,
        quality=0.7,
        api_base="https://your-resource.openai.azure.com",
        key_from="the Azure portal, Keys and Endpoint",
    ),
    Offer(
        slug="local",
        label="Local model",
        note="A model file that KORA runs on this machine",
        kind=Kind.LOCAL.value,
        name="local-model",
        model="",
        prices=("0", "0", "0"),
        price_compute_s=COMPUTE_S,
        context=4_096,
        max_output=1_024,
        capabilities=("json_schema",),
        quality=0.4,
    ),
    Offer(
        slug="vllm",
        server="vllm",
        label="vLLM",
        note="A server of your own; AWQ and GPTQ models too",
        kind=Kind.OPENAI_COMPATIBLE.value,
        name="vllm",
        model="model-name",
        prices=("0", "0", "0"),
        context=32_768,
        max_output=4_096,
        capabilities=("tools", "json_schema"),
        quality=0.6,
        api_base="http://vllm.example.internal:8000/v1",
        key_from="the server's --api-key; leave it empty if it was started without one",
    ),
    Offer(
        slug="llama-server",
        server="llama-server",
        label="llama-server",
        note="llama.cpp's own server; start it with --metrics",
        kind=Kind.OPENAI_COMPATIBLE.value,
        name="llama-server",
        model="model-name",
        prices=("0", "0", "0"),
        context=8_192,
        max_output=2_048,
        capabilities=("json_schema",),
        quality=0.5,
        api_base="http://llama.example.internal:8080/v1",
        key_from="the server's --api-key; leave it empty if it was started without one",
    ),
    Offer(
        slug="ollama",
        server="ollama",
        label="Ollama",
        note="Models that an Ollama server keeps",
        kind=Kind.OPENAI_COMPATIBLE.value,
        name="ollama",
        model="llama3.2",
        prices=("0", "0", "0"),
        context=4_096,
        max_output=2_048,
        capabilities=("tools", "json_schema"),
        quality=0.5,
        api_base="http://ollama.example.internal:11434/v1",
        key_from="nowhere: Ollama asks for none unless a proxy before it does",
    ),
    Offer(
        slug="compatible",
        label="OpenAI-compatible",
        note="LM Studio, another gateway, any other server",
        kind=Kind.OPENAI_COMPATIBLE.value,
        name="my-server",
        model="model-name",
        prices=("0", "0", "0"),
        context=32_768,
        max_output=4_096,
        capabilities=("tools",),
        quality=0.6,
        api_base="https://models.example.com/v1",
        key_from="whoever runs that server; leave it empty if it asks for none",
    ),
    Offer(
        slug="sandbox",
        label="Sandbox",
        note="Built in, not a real model",
        kind=Kind.SANDBOX.value,
        name="sandbox-trial",
        model="sandbox-trial",
        prices=("0.15", "0.60", "0.075"),
        context=32_768,
        max_output=4_096,
        capabilities=("tools", "json_schema"),
        quality=0.5,
    ),
)


def find(slug: str) -> Offer:
    """The first when none of them is meant."""
    return next((offer for offer in OFFERS if offer.slug == slug), OFFERS[0])


def of_model(model: ModelFile) -> Offer:
    """A backend that answers with this file; what it may say of itself is in the file."""
    facts, offer = model.facts, find("local")
    context = shelf.context_in(facts, {}) or offer.context
    demo = model.name == shipped_model.NAME
    return replace(
        offer,
        name=model.name,
        model=model.reference,
        context=context,
        max_output=max(1, context // 2),
        capabilities=shelf.capabilities_of(facts),
        quality=MINI_QUALITY if demo else offer.quality,
    )
