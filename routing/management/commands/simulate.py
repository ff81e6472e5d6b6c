"""`manage.py simulate`: what a policy would have done to recent traffic, from the command line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from routing.models import Policy
from routing.simulating import running
from routing.simulating.running import Asked
from teams.models import Team

FIGURES = {
    "spend_usd": ("spend", "USD in all", "+.6f"),
    "quality": ("quality", "a request", "+.4f"),
    "latency_s": ("time", "seconds a request", "+.3f"),
    "misses_share": ("misses", "of the requests", "+.2%"),
}
WARNINGS = {
    "no-overlap": "mostly what was never tried: told by the model alone",
    "thin-overlap": "rests on few of the requests",
    "too-few": "too few requests to conclude from",
}
MOST = 100_000
ROW = "{:<10} {:>14}  {:>30}  {:<18} {}"


class Command(BaseCommand):
    help = "Decides recent requests again under a policy and says what would differ; runs nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--policy", default="draft", help="an id, v and a number (v12), or draft"
        )
        parser.add_argument("--team", default="", help="whose draft and traffic; else everyone's")
        parser.add_argument("--days", type=_positive, default=7)
        parser.add_argument(
            "--most", type=_positive, default=10_000, help="requests, the newest first"
        )
        parser.add_argument("--overrides", default="{}", help="JSON: weights, budget, … instead")
        parser.add_argument("--json", action="store_true", help="the whole result as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        asked = _asked(options)
        found = running.run(asked, self._tell if sys.stderr.isatty() else running.untold)
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=1))
        else:
            self._show(found)

    def _tell(self, done: int, total: int) -> bool:
        self.stderr.write(f"\r{done:,} of {total:,}", ending="" if done < total else "\n")
        return True

    def _show(self, found: Mapping[str, Any]) -> None:
        for name, group in {"all": found["total"], **found["teams"]}.items():
            self.stdout.write(
                f"{name}: {group['requests']:,} requests, {group['changed_share']:.1%} would "
                f"change, {group['refused_more']:+,} refused; {group['spent_usd']:.6f} USD spent"
            )
            for figure in FIGURES:
                self.stdout.write(_row(figure, group[figure]))
        for move in found["moves"]:
            self.stdout.write(f"{move['requests']:>8,}  {move['from']} -> {move['to']}")
        undecided = found["undecided"]
        if undecided["count"]:
            why = ", ".join(f"{name} {count:,}" for name, count in undecided["why"].items())
            self.stdout.write(f"{undecided['count']:,} cannot be told: {why}")
        if "budget" in found:
            self.stdout.write(f"The budget would refuse {found['budget']['refused']:,} requests.")


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number <= MOST:
        raise ValueError
    return number


_positive.__name__ = "whole number above zero"  # what argparse says is needed


def _row(figure: str, told: Mapping[str, Any]) -> str:
    name, unit, shown = FIGURES[figure]
    interval = f"[{told['low']:{shown}}, {told['high']:{shown}}]"
    clear = WARNINGS.get(told["warning"], "" if told["clear"] else "no clear difference")
    return ROW.format(name, f"{told['value']:{shown}}", interval, unit, clear)


def _asked(options: Mapping[str, Any]) -> Asked:
    team = _team(options["team"])
    policy = running.named(options["policy"], team.pk if team else None)
    if policy is None:
        raise CommandError(f"There is no policy {options['policy']!r}.")
    _refuse_another(policy, team)
    return running.of(
        policy,
        team.pk if team else None,
        days=options["days"],
        most=options["most"],
        overrides=_overrides(options["overrides"]),
    )


def _team(name: str) -> Team | None:
    team = Team.objects.filter(name=name).first()
    if name and team is None:
        raise CommandError(f"There is no team {name!r}.")
    return team


def _refuse_another(policy: Policy, team: Team | None) -> None:
    if team is not None and policy.team_id not in (None, team.pk):
        raise CommandError(f"{policy} is not one of team {team.name!r}.")


def _overrides(text: str) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(text)
        running.check(said)
    except ValueError as error:
        raise CommandError(f"--overrides: {error}") from error
    return said
