"""The stage before the choice: what learning expects of each backend at this request."""

from __future__ import annotations

from routing import catalog, embedders, lessons
from routing.learning import estimating
from routing.learning.estimating import Asked
from routing.learning.values import Outlook
from routing.way import Way


def look(way: Way) -> Outlook:
    mind = lessons.mind()
    asked = Asked(
        signals=way.signals.as_json(),
        recognised=way.recognised,
        team_id=way.caller.team_id,
        vector=way.words if way.vector is None else way.vector,
        embedder=embedders.house().name,
    )
    way.outlook = estimating.look(mind, asked, lessons.known(catalog.current().backends))
    return way.outlook
