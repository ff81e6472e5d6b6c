"""Where stored answers and patterns are found, in the control plane and in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from caching import api, views
from caching.faces import pattern_views, sharing_api, sharing_views, terms_views

if TYPE_CHECKING:
    from rest_framework.routers import BaseRouter


def register(router: BaseRouter) -> None:
    router.register("cache/entries", api.Entries, basename="cache-entry")
    router.register("cache/terms", api.Terms, basename="cache-terms")
    router.register("cache/sharing", sharing_api.Sharings, basename="cache-sharing")
    router.register("cache/imports", sharing_api.Imports, basename="cache-import")
    router.register("patterns", api.Patterns, basename="api-pattern")


console = [
    path("answers/", views.answers, name="answers"),
    path("answers/quality/", views.answers_quality, name="answers_quality"),
    path("answers/try/", views.answers_try, name="answers_try"),
    path("answers/rehearsal/", views.answers_rehearsal, name="answers_rehearsal"),
    path("answers/terms/", terms_views.answers_terms, name="answers_terms"),
    path("answers/sharing/", sharing_views.answers_sharing, name="answers_sharing"),
    path("answers/invalidate/", terms_views.answers_invalidate, name="answers_invalidate"),
    path("answers/imports/", terms_views.answers_imports, name="answers_imports"),
    path("answers/imports/<int:import_id>/", terms_views.answers_import, name="answers_import"),
    path(
        "answers/imports/<int:import_id>/undo/",
        terms_views.answers_import_undo,
        name="answers_import_undo",
    ),
    path("answers/<int:entry_id>/", views.answer, name="answer"),
    path("answers/<int:entry_id>/edit/", views.answer_edit, name="answer_edit"),
    path("answers/<int:entry_id>/drop/", views.answer_drop, name="answer_drop"),
    path("answers/<int:entry_id>/<str:verb>/", views.answer_verb, name="answer_verb"),
    path("patterns/", pattern_views.patterns, name="patterns"),
    path("patterns/<int:pattern_id>/", pattern_views.pattern, name="pattern"),
    path("patterns/<int:pattern_id>/<str:move>/", pattern_views.pattern_move, name="pattern_move"),
]
