"""What people fill in: log in, a key, an invitation, a role, an overlap."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from teams.access import OWNERS, WRITERS, may_grant, may_prefer
from teams.models import Membership, Priority, Role, Scope, Team
from teams.values import Actor, network

LARGEST = 2**31 - 1
"""Of what the database's integers hold."""


class Words(forms.CharField):
    """Several words in one line, apart by commas or spaces."""

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return str(value or "").replace(",", " ").split()

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """The characters' validators do not fit a list, but the line that it was."""
        super().run_validators(" ".join(value))


class LoginForm(AuthenticationForm):
    """Throttling counts one address however it is written."""

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).strip().lower()


SCOPES = {
    Scope.INFER: "send requests to /v1",
    Scope.MANAGE: "manage its team under /api",
    Scope.OPERATE: "operate all of KORA (with “manage”)",
}


class KeyForm(forms.Form):
    """A new key; it may not do more than the person who makes it."""

    name = forms.CharField(max_length=200, help_text="Where it will be used, such as “ci”.")
    team = forms.ModelChoiceField(queryset=Team.objects.none(), empty_label=None)
    scopes = forms.MultipleChoiceField(
        label="May",
        initial=[Scope.INFER],
        widget=forms.CheckboxSelectMultiple,
    )
    models = Words(required=False, help_text="Names, such as “auto”; empty allows every model.")
    ip_ranges = Words(
        label="Addresses", required=False, help_text="Such as 10.0.0.0/8; empty allows all."
    )
    requests_per_minute = forms.IntegerField(required=False, min_value=1, max_value=LARGEST)
    tokens_per_minute = forms.IntegerField(required=False, min_value=1, max_value=LARGEST)
    max_parallel = forms.IntegerField(
        label="Requests at once", required=False, min_value=1, max_value=LARGEST
    )
    priority = forms.ChoiceField(
        required=False,
        choices=[("", "As its team"), *Priority.choices],
        help_text="Who goes first where calls wait.",
    )
    expires_at = forms.DateTimeField(
        label="Expires (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        self.actor = actor
        teams = list(writable_teams(actor))
        self.fields["team"].queryset = writable_teams(actor)  # type: ignore[attr-defined]
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (scope, words)
            for scope, words in SCOPES.items()
            if any(may_grant(actor, team.pk, [scope]) for team in teams)
        ]

    def clean_ip_ranges(self) -> list[str]:
        try:
            return [network(text) for text in self.cleaned_data["ip_ranges"]]
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_expires_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment is not None and moment <= datetime.now(UTC):
            raise forms.ValidationError("This moment has passed.")
        return moment

    def clean(self) -> dict[str, Any]:
        asked = self.cleaned_data
        team = asked.get("team")
        if team and not may_grant(self.actor, team.pk, asked.get("scopes", [])):
            self.add_error("scopes", "You may not give a key these rights.")
        if team and not may_prefer(self.actor, team, asked.get("priority", "")):
            self.add_error("priority", "Only an operator puts a key before its team's priority.")
        return asked


def writable_teams(actor: Actor, writers: frozenset[str] = WRITERS) -> Any:
    if actor.operates:
        return Team.objects.all()
    return Team.objects.filter(pk__in=[id_ for id_ in actor.team_ids if actor.may(writers, id_)])


if TYPE_CHECKING:
    TeamForm = forms.ModelForm[Team]
else:
    TeamForm = forms.ModelForm


class TeamLimitsForm(TeamForm):
    """What a team may take of what all share."""

    share = forms.IntegerField(
        min_value=1, max_value=1000, help_text="Of what is scarce, against other teams that wait."
    )

    class Meta:
        model = Team
        fields = ("requests_per_minute", "tokens_per_minute", "max_parallel", "share", "priority")
        labels: ClassVar = {"max_parallel": "Requests at once"}
        help_texts: ClassVar = {"priority": "Who goes first where calls wait."}


class OverlapForm(forms.Form):
    overlap_hours = forms.FloatField(
        label="The old key goes on for (hours)", initial=24, min_value=0, max_value=24 * 90
    )


class InviteForm(forms.Form):
    team = forms.ModelChoiceField(queryset=Team.objects.none(), empty_label=None)
    email = forms.EmailField()
    name = forms.CharField(required=False, max_length=200)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"].queryset = writable_teams(actor, OWNERS)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        asked = self.cleaned_data
        held = Membership.objects.filter(
            team=asked.get("team"), member__email__iexact=asked.get("email", "")
        )
        if held.exists():
            self.add_error("email", "Already a member of this team.")
        return asked


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)
