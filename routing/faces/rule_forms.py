"""The console's forms of rules, settings and trials; the rules' room says what is right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from routing.models import Rule


class JsonField(forms.CharField):
    """JSON as a person writes it; an error says in which line."""

    def __init__(self, **options: Any) -> None:
        rows = options.pop("rows", 6)
        marks = {"rows": rows, "class": "mono", "spellcheck": "false", "autocomplete": "off"}
        super().__init__(widget=forms.Textarea(attrs=marks), **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return json.loads(text or "{}")
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise forms.ValidationError(f"This is no JSON: {error.msg} ({where}).") from error
        except RecursionError as error:
            raise forms.ValidationError("This is nested too deeply.") from error


class RuleForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        help_text="Letters, digits, - and _. Receipts and reasons name it: rule:<name>.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    enabled = forms.BooleanField(
        label="Switched on", required=False, help_text="Off: it is kept, and never holds."
    )
    when = JsonField(label="When", required=False, help_text="{} holds always.")
    then = JsonField(label="Then", required=False)

    @classmethod
    def of(cls, rule: Rule | None, sent: Mapping[str, Any] | None) -> RuleForm:
        kept = rule or Rule(when={}, then={})
        return cls(
            sent,
            initial={
                "name": kept.name,
                "enabled": kept.enabled,
                "when": pretty(kept.when),
                "then": pretty(kept.then),
            },
        )

    def refuse(self, errors: Mapping[str, Sequence[str]]) -> None:
        """An error at `when.all[2].more_than` shows at the condition, with its place."""
        for place, said in errors.items():
            field = place.split(".")[0].split("[")[0]
            for words in said:
                self._refuse(field, place, words)

    def _refuse(self, field: str, place: str, words: str) -> None:
        if field not in self.fields:
            self.add_error(None, words)
        else:
            self.add_error(field, words if place == field else f"{place}: {words}")


class SettingsForm(forms.Form):
    settings = JsonField(label="Settings", required=False, rows=18)

    def refuse(self, errors: Mapping[str, Sequence[str]]) -> None:
        for place, said in errors.items():
            for words in said:
                self.add_error("settings", f"{place}: {words}")


class TryForm(forms.Form):
    """A request as far as rules look at one."""

    prompt = forms.CharField(
        label="What the user says", widget=forms.Textarea(attrs={"rows": 4}), max_length=100_000
    )
    model = forms.CharField(
        label="Model asked", required=False, initial="auto", help_text="Empty: auto."
    )
    tags = forms.CharField(
        label="Tags",
        required=False,
        help_text="As in x-kora-tags: app=shop,tier=gold",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    system = forms.CharField(
        label="System prompt", required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def body(self) -> dict[str, Any]:
        said = self.cleaned_data
        before = [{"role": "system", "content": said["system"]}] if said["system"] else []
        messages = [*before, {"role": "user", "content": said["prompt"]}]
        return {"model": said["model"] or "auto", "messages": messages}

    def headers(self) -> dict[str, str]:
        tags = self.cleaned_data["tags"].strip()
        return {"x-kora-tags": tags} if tags else {}


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
