"""The book's part of `/api/`, by itself."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from analytics import urls

router = SimpleRouter()
urls.register(router)
urlpatterns = [path("api/", include(router.urls))]
