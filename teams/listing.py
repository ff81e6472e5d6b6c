"""How the control plane's lists are narrowed by their query strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as BadValue
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class ByFields(BaseFilterBackend):
    """`filters = {"team": "team__name"}` on a view lets `?team=` narrow its list.

    An empty value does not narrow; `true` and `false` are understood for `__isnull` and flags.
    A lookup that begins with `!` leaves out what it finds.
    """

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        for name, lookup in getattr(view, "filters", {}).items():
            asked = request.query_params.get(name, "")
            if asked:
                queryset = _narrowed(queryset, name, (lookup, _meant(asked)))
        return queryset

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
            for name in getattr(view, "filters", {})
        ]


def _narrowed(rows: QuerySet[Any], name: str, asked: tuple[str, str | bool]) -> QuerySet[Any]:
    leaves_out = asked[0].startswith("!")
    wanted = {asked[0].removeprefix("!"): asked[1]}
    if asked[0].endswith("__isnull") and not isinstance(asked[1], bool):
        raise ValidationError({name: ["Say true or false."]})
    try:
        return rows.exclude(**wanted) if leaves_out else rows.filter(**wanted)
    except (ValueError, TypeError, BadValue) as error:
        raise ValidationError({name: ["This is not a value to look for here."]}) from error


def _meant(text: str) -> str | bool:
    return {"true": True, "false": False}.get(text.lower(), text)
