"""All doors but `/v1`, which `asgi` opens before Django."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from teams import urls as teams_urls

control_plane = SimpleRouter()
teams_urls.register(control_plane)

urlpatterns = [
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("api/", include(control_plane.urls)),
    path("admin/", admin.site.urls),
]
