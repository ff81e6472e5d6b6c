"""What a question asks for: a reason, a place, a time, a person, a count, a yes or a no."""

from __future__ import annotations

from collections.abc import Sequence

from caching.guards import wordlists

ASKING = wordlists.members("who whom whose what which when where why how")
POLAR = wordlists.members(
    """is are was were am do does did can could will would should has have had may must isn't
    aren't doesn't don't didn't can't won't wouldn't shouldn't"""
)
COUNTS = {
    "many": "how-many",
    "much": "how-much",
    "long": "how-long",
    "often": "how-often",
    "far": "how-far",
    "old": "how-old",
    "come": "why",
}
SPECIFIC = wordlists.members(
    "who when where why how-many how-much how-long how-often how-far how-old"
)
AGREE = frozenset(
    frozenset(pair.split("="))
    for pair in wordlists.members(
        """how-much=how-many when=how-long how-long=how-many how-long=how-far how-often=how-many
        how-often=how-much how-long=how-much how-far=how-many how-far=how-much how-old=when"""
    )
)
"""Two ways to ask for one thing."""


def read(lowers: Sequence[str]) -> str:
    for index, word in enumerate(lowers[:60]):
        if word in ASKING:
            if word == "how":
                following = lowers[index + 1] if index + 1 < len(lowers) else ""
                return COUNTS.get(following, "how")
            return "who" if word in ("whom", "whose") else word
    return "polar" if lowers and lowers[0] in POLAR else ""


def conflict(a: str, b: str) -> bool:
    """Both ask for something certain, and for different things."""
    return a != b and a in SPECIFIC and b in SPECIFIC and frozenset((a, b)) not in AGREE
