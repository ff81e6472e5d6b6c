"""What people fill in about a channel; the serializer knows what is right."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms

from analytics.alerts.raising import KINDS
from teams.access import KEEPERS
from teams.models import Team

if TYPE_CHECKING:
    from django.http import QueryDict

    from teams.values import Actor

EVERY = "*"
ABOUT = {
    "budget": "budgets: thresholds and refusals",
    "forecast": "forecasts: a budget will not last",
    "sla": "SLAs that burn too fast",
    "backend": "backends that fail",
}


class ChannelForm(forms.Form):
    name = forms.CharField(max_length=200, help_text="Such as “on call”.")
    team = forms.ChoiceField(label="Alerts of")
    kind = forms.ChoiceField(
        label="By",
        choices=[("webhook", "webhook: a signed call"), ("email", "e-mail")],
    )
    address = forms.CharField(
        max_length=2000, help_text="An e-mail address, or https://… for a webhook."
    )
    secret = forms.CharField(
        label="Secret of a webhook",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Signs its calls. Copy it into the receiver now: it is never shown again.",
    )
    kinds = forms.MultipleChoiceField(
        label="About",
        required=False,
        choices=[(kind, ABOUT[kind]) for kind in KINDS],
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of them.",
    )

    @classmethod
    def for_new(cls, actor: Actor, given: QueryDict | None) -> ChannelForm:
        form = cls(given, initial={"secret": secrets.token_urlsafe(24)})
        teams = Team.objects.order_by("name")
        if not actor.operates:
            teams = teams.filter(pk__in=[pk for pk in actor.team_ids if actor.may(KEEPERS, pk)])
        mine = [(team.name, f"team {team.name}") for team in teams]
        every = [(EVERY, "every team, and what is nobody's")] if actor.operates else []
        form.fields["team"].choices = [*every, *mine]  # type: ignore[attr-defined]
        return form

    def said(self) -> dict[str, Any]:
        """As the control plane takes it; the secret that a form for webhooks offers means nothing
        to a mail."""
        asked = dict(self.cleaned_data)
        if asked["kind"] == "email" or not asked["secret"]:
            del asked["secret"]
        return asked | {"team": None if asked["team"] == EVERY else asked["team"]}

    def refuse(self, errors: Mapping[str, Any]) -> None:
        for name, said in errors.items():
            self.add_error(name if name in self.fields else None, list(said))
