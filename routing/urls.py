"""Where backends are found, in the control plane and in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from routing import api, model_views, views
from routing.faces import (
    experiment_views,
    experiments_api,
    intent_views,
    intents_api,
    keys_views,
    learned_views,
    learning_api,
    policies_api,
    rule_views,
    rules_api,
    simulation_views,
    sla_api,
    sla_views,
    try_views,
    version_views,
)

if TYPE_CHECKING:
    from rest_framework.routers import BaseRouter


def register(router: BaseRouter) -> None:
    router.register("backends", api.Backends, basename="backend")
    router.register("rules", rules_api.Rules, basename="rule")
    router.register("learning", learning_api.Learned, basename="learned")
    router.register("intents", intents_api.Intents, basename="intent")
    router.register("policies", policies_api.Policies, basename="policy")
    router.register("experiments", experiments_api.Experiments, basename="experiment")
    router.register("simulations", policies_api.Simulations, basename="simulation")
    router.register("slas", sla_api.Slas, basename="sla")
    router.register("reports/sla", sla_api.SlaReport, basename="sla-report")


console = [
    path("routing/rules/", rule_views.rules, name="routing_rules"),
    path("routing/rules/new/", rule_views.rule_new, name="routing_rule_new"),
    path("routing/rules/order/", rule_views.rules_order, name="routing_rules_order"),
    path("routing/rules/<int:rule_id>/", rule_views.rule, name="routing_rule"),
    path(
        "routing/rules/<int:rule_id>/<slug:verb>/", rule_views.rule_verb, name="routing_rule_verb"
    ),
    path("routing/settings/", rule_views.routing_settings, name="routing_settings"),
    path("routing/try/", try_views.routing_try, name="routing_try"),
    path("routing/simulate/", simulation_views.routing_simulate, name="routing_simulate"),
    path(
        "routing/simulate/<int:simulation_id>/",
        simulation_views.routing_simulation,
        name="routing_simulation",
    ),
    path("routing/intents/", intent_views.intents, name="routing_intents"),
    path("routing/intents/new/", intent_views.intent_new, name="routing_intent_new"),
    path("routing/intents/train/", intent_views.intents_train, name="routing_intents_train"),
    path("routing/intents/<int:intent_id>/", intent_views.intent, name="routing_intent"),
    path(
        "routing/intents/<int:intent_id>/remove/",
        intent_views.intent_remove,
        name="routing_intent_remove",
    ),
    path("routing/experiments/", experiment_views.experiments, name="routing_experiments"),
    path(
        "routing/experiments/new/", experiment_views.experiment_new, name="routing_experiment_new"
    ),
    path(
        "routing/experiments/<int:experiment_id>/",
        experiment_views.experiment,
        name="routing_experiment",
    ),
    path(
        "routing/experiments/<int:experiment_id>/edit/",
        experiment_views.experiment_edit,
        name="routing_experiment_edit",
    ),
    path(
        "routing/experiments/<int:experiment_id>/<slug:move>/",
        experiment_views.experiment_move,
        name="routing_experiment_move",
    ),
    path("routing/learned/", learned_views.learned, name="routing_learned"),
    path(
        "routing/learned/<int:mind_id>/withdraw/",
        learned_views.learned_withdraw,
        name="routing_learned_withdraw",
    ),
    path("routing/learned/trials/", learned_views.backend_trial, name="routing_trial"),
    path("routing/versions/", version_views.routing_versions, name="routing_versions"),
    path("routing/versions/publish/", version_views.routing_publish, name="routing_publish"),
    path(
        "routing/versions/<int:policy_id>/", version_views.routing_version, name="routing_version"
    ),
    path(
        "routing/versions/<int:policy_id>/rollback/",
        version_views.routing_rollback,
        name="routing_rollback",
    ),
    path("slas/", sla_views.slas, name="slas"),
    path("slas/new/", sla_views.sla_new, name="sla_new"),
    path("slas/<int:sla_id>/", sla_views.sla, name="sla"),
    path("slas/<int:sla_id>/edit/", sla_views.sla_edit, name="sla_edit"),
    path("slas/<int:sla_id>/remove/", sla_views.sla_remove, name="sla_remove"),
    path("models/", model_views.model_files, name="model_files"),
    path("models/<str:reference>/", model_views.model_file, name="model_file"),
    path("models/<str:reference>/remove/", model_views.model_remove, name="model_remove"),
    path("models/<str:reference>/retry/", model_views.model_retry, name="model_retry"),
    path("backends/", views.backends, name="backends"),
    path("backends/new/", views.backend_new, name="backend_new"),
    path("backends/<int:backend_id>/", views.backend, name="backend"),
    path("backends/<int:backend_id>/test/", views.backend_test, name="backend_test"),
    path("backends/<int:backend_id>/health/", views.backend_health, name="backend_health"),
    path("backends/<int:backend_id>/switch/", views.backend_switch, name="backend_switch"),
    path("backends/<int:backend_id>/keys/", keys_views.backend_keys, name="backend_keys"),
    path(
        "backends/<int:backend_id>/keys/<int:backend_key_id>/forgive/",
        keys_views.backend_key_forgive,
        name="backend_key_forgive",
    ),
    path(
        "backends/<int:backend_id>/keys/<int:backend_key_id>/remove/",
        keys_views.backend_key_remove,
        name="backend_key_remove",
    ),
]
