"""What is said about a policy's content: mistakes, and what differs from another (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Content = Mapping[str, Any]
"""`rules`, each `name`, `when`, `then` and `enabled`, in their order; and `settings`."""
NO_CONTENT: Content = {"rules": [], "settings": {}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something to be said about a rule or a setting; an `error` cannot be published."""

    level: str
    kind: str
    place: str
    """`rules.<name>.when.all[2].more_than`, `settings.weights.auto`."""
    words: str
    rule: str = ""
    with_rule: str = ""
    """The other rule that it is about, where there is one."""

    @property
    def is_error(self) -> bool:
        return self.level == "error"

    def as_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One difference: a rule `added`, `removed`, `moved` or `changed`, or a setting."""

    kind: str
    subject: str
    """`rule` or `setting`."""
    name: str
    """The rule's name, or the setting's path."""
    field: str = ""
    before: Any = None
    after: Any = None

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}
