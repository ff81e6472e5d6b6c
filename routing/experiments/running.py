"""The experiments that take requests, as web processes hold them in memory."""

from __future__ import annotations

import structlog

from routing.experiments import terms
from routing.experiments.values import Running
from routing.models import Experiment, ExperimentState
from routing.rules.compiling import Compiler
from routing.signals import houses

log = structlog.get_logger(__name__)


def load() -> dict[int, tuple[Running, ...]]:
    """By team, oldest first: the first that wants a request has it."""
    found: dict[int, tuple[Running, ...]] = {}
    for row in Experiment.objects.filter(state=ExperimentState.RUNNING).order_by("id"):
        try:
            found[row.team_id] = (*found.get(row.team_id, ()), read(row))
        except (ValueError, TypeError) as error:
            log.error("experiment.unreadable", experiment=row.name, why=str(error))  # noqa: TRY400
    return found


def read(row: Experiment) -> Running:
    compiler = Compiler()
    holds = compiler.compile(terms.condition(row.when, houses.words()))
    return Running(
        experiment_id=row.pk,
        name=row.name,
        arms=terms.arms(row.arms),
        holds=holds,
        unasked=tuple(compiler.unasked()),
        share=row.share,
    )
