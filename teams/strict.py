"""What a client writes is taken whole or not at all: a misspelt limit must not mean no limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class OnlyKnownFields(serializers.Serializer[Any]):
    """Refuses names it does not have; read-only ones may come along, as in a GET sent back."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(set(data) - set(self.fields) - {"csrfmiddlewaretoken"})
            if unknown:
                raise serializers.ValidationError(
                    {str(name): ["There is no such field."] for name in unknown}
                )
        return super().to_internal_value(data)
