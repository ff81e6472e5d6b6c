"""What people fill in about a budget; the serializer, not these forms, knows what is right."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms

from analytics.models import Budget, BudgetScope, Mode, Period
from analytics.pacing import pressure
from teams.access import KEEPERS
from teams.models import ApiKey, Organisation, Team

if TYPE_CHECKING:
    from django.http import QueryDict

    from teams.values import Actor

TAG = "tag:"
MONTHS = [calendar.month_name[number] for number in range(1, 13)]
WINDOWS = {
    Period.DAY: "a day",
    Period.WEEK: "a week (from Monday)",
    Period.MONTH: "a month",
    Period.QUARTER: "a quarter",
    Period.YEAR: "a fiscal year",
    Period.TOTAL: "in total, for ever",
}
MODES = {
    Mode.ENFORCE: "refuse what finds no room",
    Mode.SHADOW: "only watch, and count what would be refused",
}


class BudgetForm(forms.Form):
    name = forms.CharField(max_length=200, help_text="Named in refusals, such as “Support, March”.")
    target = forms.ChoiceField(label="Caps", help_text="Narrow and wide ones hold together.")
    tag = forms.CharField(
        label="Tag", required=False, help_text="Only for requests tagged: name=value."
    )
    limit_usd = forms.DecimalField(
        label="Dollars", min_value=0, max_digits=26, decimal_places=12, help_text="0 suspends it."
    )
    window = forms.ChoiceField(label="In", choices=list(WINDOWS.items()), initial=Period.MONTH)
    time_zone = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"list": "zones", "placeholder": "the team's"}),
        help_text="Where its days begin, such as Europe/Berlin.",
    )
    fiscal_start = forms.TypedChoiceField(
        label="Year begins in",
        coerce=int,
        choices=list(enumerate(MONTHS, 1)),
        initial=1,
        help_text="For quarters and years.",
    )
    mode = forms.ChoiceField(label="When it is full", choices=list(MODES.items()))
    paced = forms.BooleanField(
        label="Pace it",
        required=False,
        help_text="Choices become thriftier while spending runs ahead of the clock.",
    )

    @classmethod
    def of(cls, budget: Budget, given: QueryDict | None) -> BudgetForm:
        """A budget stays whose it is."""
        names = ("name", "window", "time_zone", "fiscal_start", "mode", "paced")
        initial = {name: getattr(budget, name) for name in names}
        form = cls(given, initial=initial | {"limit_usd": f"{budget.limit_usd.normalize():f}"})
        for name in ("target", "tag"):
            del form.fields[name]
        return form

    @classmethod
    def for_new(cls, actor: Actor, given: QueryDict | None) -> BudgetForm:
        form = cls(given)
        form.fields["target"].choices = targets(actor)  # type: ignore[attr-defined]
        return form

    def clean(self) -> dict[str, Any]:
        asked = self.cleaned_data
        if asked.get("target", "").startswith(TAG) and not asked.get("tag"):
            self.add_error("tag", "Say which tag: name=value.")
        return asked

    def said(self) -> dict[str, Any]:
        """As the control plane takes it."""
        asked = dict(self.cleaned_data)
        if not asked["time_zone"]:
            del asked["time_zone"]
        if "target" not in asked:
            return asked
        scope, _, scope_id = asked.pop("target").partition(":")
        tag = asked.pop("tag")
        return asked | {"scope": scope, "scope_id": tag if scope == BudgetScope.TAG else scope_id}

    def refuse(self, errors: Mapping[str, Any]) -> None:
        for name, said in errors.items():
            place = {"scope_id": "tag", "scope": "target"}.get(name, name)
            self.add_error(place if place in self.fields else None, list(said))


class SoftLimitForm(forms.Form):
    """One row; an empty percentage is no soft limit."""

    percent = forms.FloatField(label="At percent", required=False, min_value=0.01, max_value=1000)
    action = forms.ChoiceField(
        label="Then", choices=[(name, name.replace("-", " ")) for name in pressure.ACTIONS]
    )


SoftLimits = forms.formset_factory(SoftLimitForm, extra=2, max_num=12)


def soft_limits(budget: Budget | None, given: QueryDict | None) -> Any:
    kept = budget.soft_limits if budget else []
    rows = [soft | {"percent": _plain(soft["percent"])} for soft in kept]
    return SoftLimits(given, initial=rows, prefix="soft")


def _plain(percent: float) -> str:
    """As people write it: 80, not 80.0."""
    return f"{Decimal(str(percent)).normalize():f}"


def soft_said(rows: Any) -> list[dict[str, Any]]:
    asked = [row.cleaned_data for row in rows if row.cleaned_data.get("percent") is not None]
    return sorted(asked, key=lambda each: float(each["percent"]))


class RaiseForm(forms.Form):
    """Another limit for a while; it stands on one page with the budget's own form."""

    def __init__(self, given: QueryDict | None = None, **options: Any) -> None:
        super().__init__(given, **{"auto_id": "raise_%s", **options})

    limit_usd = forms.DecimalField(
        label="Dollars meanwhile", min_value=0, max_digits=26, decimal_places=12
    )
    until = forms.DateTimeField(
        label="Until (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = forms.CharField(max_length=500, help_text="Stands in the audit log and in refusals.")

    def refuse(self, errors: Mapping[str, Any]) -> None:
        for name, said in errors.items():
            self.add_error(name if name in self.fields else None, list(said))


def targets(actor: Actor) -> list[Any]:
    """What this person may cap: their teams and those teams' keys; operators also what is
    everybody's."""
    teams = Team.objects.order_by("name")
    if not actor.operates:
        teams = teams.filter(pk__in=[pk for pk in actor.team_ids if actor.may(KEEPERS, pk)])
    keys = ApiKey.objects.filter(team__in=teams, revoked_at=None).select_related("team")
    mine: list[Any] = [
        ("Teams", [(f"team:{team.pk}", team.name) for team in teams]),
        ("Keys", [(f"key:{key.pk}", f"{key.team.name} / {key.name}") for key in keys[:500]]),
    ]
    if not actor.operates:
        return [group for group in mine if group[1]]
    every = Organisation.objects.order_by("pk")
    whole = [(f"organisation:{each.pk}", each.name) for each in every]
    shared = [("Everybody", whole), ("Across teams", [(TAG, "requests with a tag")])]
    return [group for group in [*mine, *shared] if group[1]]
