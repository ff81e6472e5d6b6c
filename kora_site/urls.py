"""All doors but `/v1`, which `asgi` opens before Django."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from analytics import urls as analytics_urls
from caching import urls as caching_urls
from kora_site import health, views
from routing import metrics
from routing import urls as routing_urls
from teams import urls as teams_urls

control_plane = SimpleRouter()
for room in (teams_urls, analytics_urls, caching_urls, routing_urls):
    room.register(control_plane)

handler404 = "kora_site.errors.not_found"
handler500 = "kora_site.errors.crashed"

urlpatterns = [
    path("", views.overview, name="overview"),
    *teams_urls.console,
    *analytics_urls.console,
    *caching_urls.console,
    *routing_urls.console,
    path("healthz", health.healthz, name="healthz"),
    path("metrics", metrics.view, name="metrics"),
    path("readyz", health.readyz, name="readyz"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("api/health/", health.Wellbeing.as_view(), name="health"),
    path("api/", include(control_plane.urls)),
    path("admin/", admin.site.urls),
]
