"""Where requests and their receipts are found in the console."""

from __future__ import annotations

from django.urls import path

from analytics import views

console = [
    path("requests/", views.requests, name="requests"),
    path("requests/<uuid:exchange_id>/", views.receipt, name="request"),
]
