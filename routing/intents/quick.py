"""Kinds of requests that their words give away, in microseconds; only where that is sure (pure).

What is not certain is left to the examples: a wrong certainty costs more than an embedding.
"""

from __future__ import annotations

import re

from routing.signals.values import Signals

LOOKED_AT = 1_000
"""Characters from the beginning; a request opens with what it wants."""
SURE = 0.95
"""What a rule's word counts for beside the examples' confidence."""
LONGEST_GREETING = 60
_GREETING = re.compile(
    r"(?:(?:hi|hello|hey|yo|hallo|servus|moin|bonjour|bonsoir|salut|hola|ciao|thanks|thank you|thx"
    r"|cheers|danke|danke schön|vielen dank|merci|gracias|bye|goodbye|tschüss|good (?:morning"
    r"|evening|afternoon|night|day)|guten (?:morgen|abend|tag)|buenos días|buenas (?:tardes|noches)"
    r"|how are you(?: doing)?(?: today)?|wie geht(?:'s| es (?:dir|ihnen))|ça va|qué tal"
    r"|merci beaucoup|muchas gracias|thanks a lot|thank you (?:so|very) much|see you(?: later)?"
    r"|there|everyone|all|again|so much)[\s,.!?¡¿]*)+"
)
_TRANSLATE = re.compile(
    r"(?:please |can you |could you |bitte )?(?:translate|übersetze?|übersetzen sie|traduis"
    r"|traduisez|traduire|traduce|traduzca|traducir)\b"
)
_SUMMARISE = re.compile(
    r"(?:please |can you |could you |bitte )?(?:summari[sz]e|tl;?dr\b|sum up|fasse? (?:den|die|das"
    r"|diesen|dieses|diese)|résume[zr]?\b|resume (?:el|la|este|esta|los)\b"
    r"|(?:give|write) (?:me )?(?:a |an )?(?:short |brief |concise )?summary)"
)
_EXTRACT = re.compile(r"(?:please )?(?:extract|extrahiere|extrais|extraire|extrae)\b")
_CLASSIFY = re.compile(
    r"(?:please )?(?:classify|categori[sz]e|klassifiziere|clasifica)\b"
    r"|(?:positive|negative)(?:,| or) (?:negative|positive|neutral)"
)
_SUM = re.compile(
    r"(?:what(?:'s| is)|calculate|compute|was ist|wie viel ist|combien font|cuánto es)?\s*"
    r"\(?-?\d[\d.,]*\)?(?:\s*[-+*/\u00d7\u00f7^]\s*\(?-?\d[\d.,]*\)?)+\s*[=?.]*"
)
_TROUBLE = re.compile(
    r"traceback \(most recent|\b\w+(?:error|exception)\b|segmentation fault|\bnpm err!|\bpanic:"
    r"|stack ?trace|core dumped|fatal:|\berror(?:\[e\d+\])?:"
)
_BROKEN = re.compile(
    r"\b(?:fix|debug|bug|wrong|fails?|crash\w*|broken|fehler|erreur|falla|doesn't work"
    r"|does not (?:work|compile)|doesn't compile|not working|stürzt)\b"
)
_EXPLAIN = re.compile(
    r"\b(?:explain|what (?:does|do|is)|walk me through|describe|erkläre?|was macht|explique[zr]?"
    r"|que fait|qué hace|explíca\w*)\b"
)
_FORMAT = re.compile(r"(?:please )?(?:convert|reformat|turn|format|wandle|formatiere|convierte)\b")
_TO_A_FORM = re.compile(r"\b(?:json|csv|yaml|xml|markdown|table|tabelle|tabla|list|liste)\b")


def tell(text: str, signals: Signals) -> str:
    """The task type, or nothing."""
    words = text[:LOOKED_AT].strip().lower()
    if signals.tools:
        return "tool-use"
    if len(words) <= LONGEST_GREETING and _GREETING.fullmatch(words):
        return "greeting"
    if "```" in words:
        return _of_code(words)
    return _of_form(words, signals) or _by_verb(words)


def _of_code(words: str) -> str:
    asked = words.split("```", 1)[0]
    if _TROUBLE.search(words) or _BROKEN.search(asked):
        return "debugging"
    return "code-explanation" if _EXPLAIN.search(asked) else ""


def _of_form(words: str, signals: Signals) -> str:
    if _EXTRACT.match(words):
        return "extraction"
    if not _FORMAT.match(words):
        return ""
    return "formatting" if signals.structured or _TO_A_FORM.search(words[:120]) else ""


def _by_verb(words: str) -> str:
    if words.startswith("traceback (most recent"):
        return "debugging"
    for pattern, intent in (
        (_TRANSLATE, "translation"),
        (_SUMMARISE, "summary"),
        (_CLASSIFY, "classification"),
    ):
        if pattern.match(words):
            return intent
    return "maths" if _SUM.fullmatch(words) else ""
