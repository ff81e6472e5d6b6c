"""What the OpenAPI document says of a management key."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ManagementKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "teams.access.KeyAuthentication"
    name = "managementKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        return {"type": "http", "scheme": "bearer", "description": "A key with scope `manage`."}
