"""The console's form of an SLA; the control plane's serializer says what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from analytics.models import Sla

FIRST = Sla(total_ms=10_000, percentile=95.0, availability=99.0, window_days=30, stricter=True)
FIELDS = ("name", "route", "ttft_ms", "total_ms", "percentile", "availability", "min_quality",
          "window_days", "stricter", "enabled")  # fmt: skip


class SlaForm(forms.Form):
    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    route = forms.CharField(
        required=False,
        max_length=120,
        label="For which requests",
        help_text="A model or alias as it is asked for (auto:fast), or intent:<name>. Empty: all.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    ttft_ms = forms.IntegerField(
        required=False, min_value=1, label="First content within (ms)", help_text="Of streams."
    )
    total_ms = forms.IntegerField(
        required=False, min_value=1, label="Whole answer within (ms)", help_text="From its arrival."
    )
    percentile = forms.FloatField(
        min_value=1,
        max_value=99.999,
        label="For this many of a hundred requests",
        help_text="95 allows one in twenty to be late.",
    )
    availability = forms.FloatField(
        required=False,
        min_value=1,
        max_value=99.999,
        label="Whole answers, in percent",
        help_text="Answered and not cut.",
    )
    min_quality = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        label="Quality at least",
        help_text="0 to 1, where feedback or a check says.",
    )
    window_days = forms.IntegerField(min_value=1, max_value=366, label="Counted over days")
    stricter = forms.BooleanField(
        required=False,
        label="Route by it while it burns",
        help_text="Choices then take these targets for their deadline.",
    )
    enabled = forms.BooleanField(required=False, label="In force")

    @classmethod
    def of(cls, row: Sla | None, sent: Mapping[str, Any] | None) -> SlaForm:
        kept = row or FIRST
        return cls(sent, initial={name: getattr(kept, name) for name in FIELDS})

    def said(self) -> dict[str, Any]:
        """As the serializer takes it."""
        return {name: self.cleaned_data[name] for name in FIELDS}

    def refuse(self, errors: Mapping[str, Sequence[str]]) -> None:
        for place, said in errors.items():
            for words in said:
                self.add_error(place if place in self.fields else None, words)
