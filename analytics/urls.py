"""Where requests, receipts, prices, budgets and reports are found in console and `/api`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from analytics import api, views
from analytics.alerts import api as alerts_api
from analytics.faces import alert_views, budget_views

if TYPE_CHECKING:
    from rest_framework.routers import BaseRouter

console = [
    path("requests/", views.requests, name="requests"),
    path("requests/<uuid:exchange_id>/", views.receipt, name="request"),
    path("budgets/", budget_views.budgets, name="budgets"),
    path("budgets/new/", budget_views.budget_new, name="budget_new"),
    path("budgets/<int:budget_id>/", budget_views.budget, name="budget"),
    path("budgets/<int:budget_id>/raise/", budget_views.budget_raise, name="budget_raise"),
    path(
        "budgets/<int:budget_id>/raise/<int:override_id>/end/",
        budget_views.budget_raise_end,
        name="budget_raise_end",
    ),
    path("budgets/<int:budget_id>/pause/", budget_views.budget_pause, name="budget_pause"),
    path("budgets/<int:budget_id>/remove/", budget_views.budget_remove, name="budget_remove"),
    path("alerts/", alert_views.alerts, name="alerts"),
    path("alerts/channels/new/", alert_views.channel_new, name="channel_new"),
    *(
        path(
            f"alerts/channels/<int:channel_id>/{move}/",
            alert_views.channel_move,
            {"move": move},
            name=f"channel_{move}",
        )
        for move in alert_views.MOVES
    ),
]


def register(router: BaseRouter) -> None:
    router.register("prices", api.Prices, basename="price")
    router.register("budgets", api.Budgets, basename="budget")
    router.register(r"keys/(?P<key_id>[0-9]+)/limits", api.KeyLimits, basename="key-limits")
    router.register("channels", alerts_api.Channels, basename="channel")
    router.register("alerts", alerts_api.Alerts, basename="alert")
    router.register("requests", api.Requests, basename="exchange")
    router.register("reports/spend", api.Spend, basename="spend")
