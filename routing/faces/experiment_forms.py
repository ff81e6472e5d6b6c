"""The console's form of an experiment; the experiments' room says what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from routing.experiments import terms
from routing.faces.rule_forms import JsonField, pretty
from routing.models import Experiment

FIRST = [
    {"name": "today", "share": 1, "then": {}},
    {"name": "cheaper", "share": 1, "then": {"use": "auto:cheap"}},
]
RAILS = {"errors": "most_errors", "p95_ms": "most_p95_ms", "cost_usd": "most_cost_usd"}
"""By guardrail, its field: a form has an `errors` of its own."""
PLAIN = ("share", "metric", "delta", "epsilon", "most_requests")


class ExperimentForm(forms.Form):
    name = forms.RegexField(
        terms.NAME,
        help_text="Letters, digits, - and _, at most 40. Reasons name it: experiment:<name>/<arm>.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    arms = JsonField(
        label="Arms",
        rows=9,
        help_text="The first is what is done today. then is a rule's (use, only, set, …).",
    )
    when = JsonField(label="Which requests take part", required=False, help_text="{} is all.")
    share = forms.FloatField(
        label="Share of them", min_value=0.001, max_value=1, help_text="0.1 is one in ten sessions."
    )
    metric = forms.ChoiceField(label="Decided by", choices=[(each, each) for each in terms.METRICS])
    delta = forms.FloatField(label="Chance of a false winner (δ)", min_value=0.0001, max_value=0.49)
    epsilon = forms.FloatField(
        label="Differences below this do not matter (ε)", min_value=0, max_value=1
    )
    most_requests = forms.IntegerField(label="Ends after requests", min_value=100)
    most_errors = forms.FloatField(
        label="Errors at most", required=False, help_text="A share: 0.05"
    )
    most_p95_ms = forms.FloatField(label="p95 at most (ms)", required=False)
    most_cost_usd = forms.FloatField(label="A request costs at most ($)", required=False)

    @classmethod
    def of(cls, row: Experiment | None, sent: Mapping[str, Any] | None) -> ExperimentForm:
        kept = row or Experiment(arms=FIRST)
        initial = {name: getattr(kept, name) for name in ("name", *PLAIN)}
        initial |= {"arms": pretty(kept.arms), "when": pretty(kept.when)}
        initial |= {RAILS[name]: most for name, most in kept.guardrails.items() if name in RAILS}
        return cls(sent, initial=initial)

    def said(self) -> dict[str, Any]:
        """As the serializer takes it."""
        kept = self.cleaned_data
        rails = {name: kept[at] for name, at in RAILS.items() if kept.get(at) is not None}
        plain = {name: kept[name] for name in ("name", "arms", "when", *PLAIN)}
        return {**plain, "guardrails": rails}

    def refuse(self, errors: Mapping[str, Sequence[str]]) -> None:
        """`arms[1].then.use` shows at the arms, `guardrails.errors` at its own field."""
        for place, said in errors.items():
            head = place.removeprefix("guardrails.").split(".")[0].split("[")[0]
            field = RAILS.get(head, head)
            for words in said:
                known = field in self.fields
                told = words if place.endswith(head) or not known else f"{place}: {words}"
                self.add_error(field if known else None, told)
