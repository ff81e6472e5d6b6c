"""Reports as sheets: what `format=csv` renders."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer

FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Csv(BaseRenderer):
    """One line a row and a last line `total`; an error stays the JSON object it is."""

    media_type = "text/csv"
    format = "csv"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        if not isinstance(data, dict) or "rows" not in data:
            return json.dumps(data).encode()
        names = [*data["group_by"], *data["total"]]
        written = io.StringIO()
        lines = csv.writer(written)
        lines.writerow(names)
        lines.writerows([[cell(row[name]) for name in names] for row in data["rows"]])
        if data["group_by"]:
            blank = [""] * (len(data["group_by"]) - 1)
            lines.writerow(["total", *blank, *data["total"].values()])
        return written.getvalue().encode()


def cell(value: Any) -> Any:
    """Text that a spreadsheet would calculate is kept text, whoever wrote it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
