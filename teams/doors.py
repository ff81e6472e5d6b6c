"""Logging in and out, and changing one's password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy

from teams import audit
from teams.access import actor_of
from teams.forms import LoginForm


class LogIn(views.LoginView):
    template_name = "teams/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


class ChangePassword(views.PasswordChangeView):
    """Every other session of this person ends with the old password."""

    template_name = "teams/password_change.html"
    success_url = reverse_lazy("overview")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        answer = super().form_valid(form)
        audit.record(actor_of(self.request), "change password", form.user)
        messages.success(self.request, "Your password is changed.")
        return answer


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """After too many wrong passwords for one person from one address (`AXES_FAILURE_LIMIT`)."""
    wait_s = int(settings.AXES_COOLOFF_TIME.total_seconds())
    answer = render(request, "teams/locked.html", {"minutes": wait_s // 60}, status=429)
    answer["Retry-After"] = str(wait_s)
    return answer


def name_given(request: HttpRequest, credentials: dict[str, str] | None = None) -> str:
    """Counted without case and spaces: otherwise each spelling had its own eight tries."""
    given = (credentials or {}).get("username") or request.POST.get("username", "")
    return given.strip().lower()
