"""Where backends are found, in the control plane and in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from routing import api, views

if TYPE_CHECKING:
    from rest_framework.routers import BaseRouter


def register(router: BaseRouter) -> None:
    router.register("backends", api.Backends, basename="backend")


console = [
    path("backends/", views.backends, name="backends"),
    path("backends/new/", views.backend_new, name="backend_new"),
    path("backends/<int:backend_id>/", views.backend, name="backend"),
    path("backends/<int:backend_id>/test/", views.backend_test, name="backend_test"),
    path("backends/<int:backend_id>/health/", views.backend_health, name="backend_health"),
    path("backends/<int:backend_id>/switch/", views.backend_switch, name="backend_switch"),
]
