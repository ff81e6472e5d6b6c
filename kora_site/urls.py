"""All doors but `/v1`, which `asgi` opens before Django."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
