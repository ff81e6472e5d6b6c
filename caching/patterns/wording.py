"""Words that change what is asked for: in a slot only where they were seen in that slot (pure)."""

from __future__ import annotations

STEERING = frozenset(
    word
    for line in (
        "not no never none without except unless neither nor cannot only but instead ignore",
        "disregard forget override pretend act system prompt instruction instructions above",
        "previous please also then however and or as in into with within for from to of than by",
        "about via per versus against between after before until if when while because so that",
        "which who whose write translate say answer reply respond explain describe summarise",
        "summarize list add include exclude omit use make give tell show briefly short shorter",
        "shortly long longer detail details detailed formal informal words sentence sentences",
        "paragraph bullet bullets table json markdown html english german french spanish italian",
        "portuguese chinese japanese korean russian arabic hindi nicht kein keine ohne nie statt",
        "ignoriere vergiss außer ne pas sans jamais ignorez sauf sin nunca ignora excepto",
    )
    for word in line.split()
)

COMMON = frozenset(
    word
    for line in (
        "the this that these those its it's are was were been being have has had does did done can",
        "could would should will shall may might must what when where why how our their his her",
        "him she they them you yours mine there here some any all each every both more most other",
        "such same own your too very just get got let need want know like one two",
    )
    for word in line.split()
)
"""Words that name nothing."""
