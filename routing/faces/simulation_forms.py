"""The console's form of a simulation."""

from __future__ import annotations

from typing import Any

from django import forms

from routing.faces.rule_forms import JsonField


class SimulationForm(forms.Form):
    policy = forms.ChoiceField(label="What would have been in force")
    days = forms.IntegerField(label="Days", min_value=1, max_value=366, initial=7)
    whose = forms.ChoiceField(label="Whose traffic", required=False)
    most = forms.IntegerField(
        label="Requests at most",
        min_value=1,
        max_value=100_000,
        initial=10_000,
        help_text="The newest ones.",
    )
    overrides = JsonField(
        label="What is not in it",
        required=False,
        rows=3,
        help_text='For example {"weights": {"auto": {"usd": 200}}} or {"max_latency_ms": 3000}',
    )

    def __init__(
        self, sent: Any, *, policies: list[tuple[str, str]], whose: list[tuple[str, str]]
    ) -> None:
        super().__init__(sent)
        self.fields["policy"].choices = policies  # type: ignore[attr-defined]
        self.fields["whose"].choices = whose  # type: ignore[attr-defined]

    def said(self) -> dict[str, Any]:
        """As orders take it."""
        kept = self.cleaned_data
        return {name: kept[name] for name in ("days", "most", "overrides")}
