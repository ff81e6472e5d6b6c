"""The console's form of a backend; the serializer, not this form, knows what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from analytics import prices
from routing import allowances
from routing.models import Backend, Kind

PRICES = ("price_in", "price_out", "price_cached_in", "price_compute_s")
PLACES = {
    Kind.OPENAI_COMPATIBLE.value: {"options": "server"},
    Kind.LOCAL.value: {"options": "loaded_context"},
}
"""Where the form shows what the serializer calls otherwise."""
KEPT_WHEN_EMPTY = ("secret", *PRICES)
OPTIONS = {"loaded_context": "context", "slots": "slots"}
"""What the form shows of a local backend's options; the others are the API's."""
FIXED = ("name", "kind")
SERVERS = (
    ("", "Any other"),
    ("vllm", "vLLM"),
    ("llama-server", "llama-server"),
    ("ollama", "Ollama"),
)
CAPABILITIES = (
    ("tools", "Tools"),
    ("json_schema", "JSON schema"),
    ("vision", "Images"),
    ("embeddings", "Embeddings"),
)


def _dollars(label: str, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=0,
        max_value=prices.HIGHEST,
        required=False,
        help_text=help_text,
    )


class BackendForm(forms.Form):
    name = forms.CharField(
        max_length=80, help_text="Callers may ask for it by this name, which stays."
    )
    kind = forms.CharField(widget=forms.HiddenInput)
    model = forms.CharField(label="Model", help_text="The provider's name of the model.")
    api_base = forms.CharField(
        label="Address", required=False, help_text="Empty: the provider's usual one."
    )
    server = forms.ChoiceField(
        choices=SERVERS,
        required=False,
        help_text="One that KORA knows is asked how busy it is.",
    )
    probes = forms.FloatField(
        label="Paid probes",
        min_value=0,
        max_value=allowances.HIGHEST_USD,
        required=False,
        help_text="USD a day for asking it whether it is well again. Empty: nothing is spent.",
    )
    secret = forms.CharField(
        label="API key",
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    price_in = _dollars("Input")
    price_out = _dollars("Output")
    price_cached_in = _dollars("Cached input")
    price_compute_s = _dollars("Computing", "USD for each second of processor time")
    loaded_context = forms.IntegerField(
        label="Context loaded",
        min_value=1,
        required=False,
        help_text="tokens for each sequence; less takes less memory. Empty: the file's, if it fits",
    )
    slots = forms.IntegerField(
        label="Sequences at once",
        min_value=1,
        required=False,
        help_text="computed together. Empty: KORA chooses",
    )
    context = forms.IntegerField(label="Context window", min_value=1, help_text="tokens")
    max_output = forms.IntegerField(label="Longest answer", min_value=1, help_text="tokens")
    quality = forms.FloatField(help_text="0 to 1")
    capabilities = forms.MultipleChoiceField(
        choices=CAPABILITIES, required=False, widget=forms.CheckboxSelectMultiple
    )
    region = forms.CharField(required=False, help_text="may be empty")
    enabled = forms.BooleanField(label="May be used", required=False)

    @classmethod
    def of(cls, backend: Backend, given: Mapping[str, Any] | None = None) -> BackendForm:
        """The form of one that exists; an empty key or price then means: keep it."""
        apart = (*KEPT_WHEN_EMPTY, *OPTIONS, "server", "probes")
        names = [name for name in cls.base_fields if name not in apart]
        initial: dict[str, Any] = {name: getattr(backend, name) for name in names}
        initial["server"] = backend.options.get("server", "")
        initial["probes"] = backend.options.get(allowances.OPTION)
        initial["options"] = backend.options
        for name, option in OPTIONS.items():
            initial[name] = backend.options.get(option)
        for name in PRICES:
            price = getattr(backend, f"now_{name}", None)
            initial[name] = None if price is None else f"{price.normalize():f}"
        form = cls(given, initial=initial)
        for name in FIXED:
            form.fields[name].disabled = True
        known = dict(CAPABILITIES)
        others = [(name, name) for name in backend.capabilities if name not in known]
        form.fields["capabilities"].choices = [*CAPABILITIES, *others]  # type: ignore[attr-defined]
        if backend.secret_sealed:
            form.fields["secret"].help_text = "A key is set. Enter another to replace it."
        return form

    def offer_models(self, references: Sequence[str]) -> None:
        """A local backend takes one of the files that are here, or keeps the one it has."""
        names = sorted({*references, str(self.initial.get("model", ""))} - {""})
        field = forms.ChoiceField(choices=[(name, name) for name in names], label="Model file")
        self.fields["model"] = field

    def asked(self) -> dict[str, Any]:
        """What the serializer is to judge."""
        empty = (None, "")
        asked = {
            name: said
            for name, said in self.cleaned_data.items()
            if not (name in KEPT_WHEN_EMPTY and said in empty) and not self.fields[name].disabled
        }
        server, probes = asked.pop("server", ""), asked.pop("probes", None)
        chosen = {option: asked.pop(name, None) for name, option in OPTIONS.items()}
        if self._kind == Kind.LOCAL:
            kept = {**self.initial.get("options", {}), **chosen}
            asked["options"] = {name: said for name, said in kept.items() if said is not None}
        else:
            asked["options"] = self._options(server, probes)
        return asked

    def _options(self, server: str, probes: float | None) -> dict[str, Any]:
        """Of somebody else's model; those that the form does not show stay as they are."""
        kept = {**allowances.apart(self.initial.get("options", {})), "server": server}
        if self._kind != Kind.OPENAI_COMPATIBLE or not server:
            del kept["server"]
        return kept | ({allowances.OPTION: probes} if probes else {})

    @property
    def _kind(self) -> str:
        return str(self["kind"].value())

    def refuse(self, errors: Mapping[str, Any]) -> None:
        for name, said in errors.items():
            sentences = [str(one) for one in (said if isinstance(said, list) else [said])]
            field = PLACES.get(self._kind, {}).get(name, name)
            self.add_error(field if field in self.fields else None, sentences)
