"""Where requests, receipts, prices, budgets and reports are found in console and `/api`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from analytics import api, views
from analytics.alerts import api as alerts_api

if TYPE_CHECKING:
    from rest_framework.routers import BaseRouter

console = [
    path("requests/", views.requests, name="requests"),
    path("requests/<uuid:exchange_id>/", views.receipt, name="request"),
]


def register(router: BaseRouter) -> None:
    router.register("prices", api.Prices, basename="price")
    router.register("budgets", api.Budgets, basename="budget")
    router.register(r"keys/(?P<key_id>[0-9]+)/limits", api.KeyLimits, basename="key-limits")
    router.register("channels", alerts_api.Channels, basename="channel")
    router.register("alerts", alerts_api.Alerts, basename="alert")
    router.register("requests", api.Requests, basename="exchange")
    router.register("reports/spend", api.Spend, basename="spend")
