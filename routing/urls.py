"""Where backends are found, in the control plane and in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from routing import api, model_views, views
from routing.faces import experiments_api, intents_api, policies_api, rules_api

if TYPE_CHECKING:
    from rest_framework.routers import BaseRouter


def register(router: BaseRouter) -> None:
    router.register("backends", api.Backends, basename="backend")
    router.register("rules", rules_api.Rules, basename="rule")
    router.register("intents", intents_api.Intents, basename="intent")
    router.register("experiments", experiments_api.Experiments, basename="experiment")
    router.register("policies", policies_api.Policies, basename="policy")
    router.register("simulations", policies_api.Simulations, basename="simulation")


console = [
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
]
