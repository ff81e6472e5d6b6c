"""The console's form of a team's intent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from routing.models import TeamIntent


class IntentForm(forms.Form):
    name = forms.SlugField(
        max_length=80,
        help_text="Rules ask for it by this name: letters, digits, - and _.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    description = forms.CharField(required=False, max_length=1_000)
    examples = forms.CharField(
        label="Examples",
        help_text="Requests of this kind as people put them, one on each line.",
        widget=forms.Textarea(attrs={"rows": 14}),
    )
    enabled = forms.BooleanField(label="Switched on", required=False)

    @classmethod
    def of(cls, row: TeamIntent | None, sent: Mapping[str, Any] | None) -> IntentForm:
        kept = row or TeamIntent(examples=[], enabled=True)
        return cls(
            sent,
            initial={
                "name": kept.name,
                "description": kept.description,
                "examples": "\n".join(one_line(each) for each in kept.examples),
                "enabled": kept.enabled,
            },
        )

    def said(self) -> dict[str, Any]:
        """As the serializer takes it."""
        kept = dict(self.cleaned_data)
        lines = (line.strip() for line in kept["examples"].splitlines())
        kept["examples"] = [line.replace("\\n", "\n") for line in lines if line]
        return kept

    def refuse(self, errors: Mapping[str, Sequence[str]]) -> None:
        for field, said in errors.items():
            for words in said:
                self.add_error(field if field in self.fields else None, words)


def one_line(text: str) -> str:
    r"""Line ends as `\n`: each line of the form is one example."""
    return text.replace("\n", "\\n")
