"""How long an answer may be kept, by what its question is about (pure)."""

from __future__ import annotations

import re

from caching.guards import spelling
from caching.question import tongues

LIVES_S: dict[str, float] = {
    "personal": 0,
    "moment": 0,
    "chance": 0,
    "volatile": 5 * 60,
    "news": 15 * 60,
    "day": 30 * 60,
    "price": 60 * 60,
    "hours": 6 * 60 * 60,
    "version": 24 * 60 * 60,
    "current": 24 * 60 * 60,
}
"""Seconds at most; 0 keeps nothing. What is in no class lives as long as its team lets it."""
LONGEST = 2_000
SHORT = 400
"""So far other languages are looked for: what is longer is a text more than a question."""

GENERAL = re.compile(
    r"\bhow\s+(?:do|can|could|would|should|might)\s+(?:i|we|you|one)\b|\bhow\s+to\b"
    r"|\bwhere\s+(?:do|can|could|should)\s+i\s+(?:find|see|change|set|enter|update|cancel|get)\b"
    r"|\b(?:what|which)\s+(?:do|should|can)\s+i\s+(?:do|need)\b|^\W*(?:can|may|could|should)\s+i\b"
    r"|\bwhat\s+happens\b",
    re.IGNORECASE,
)
"""How one cancels his order is the same for everybody; where it is, is not."""

CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "personal",
            r"\b(?:my|our)\s+(?:\w+\s+){0,2}?(?:order|orders|package|parcel|delivery|shipment|balance|"
            r"account|bill|bills|invoice|payment|payments|transaction|transactions|refund|refunds|"
            r"subscription|plan|appointment|appointments|calendar|schedule|meeting|meetings|booking|"
            r"reservation|flight|ticket|tickets|claim|status|statement|limit|points|rewards|salary|"
            r"paycheck|payslip|inbox|emails|messages|usage|quota|score|grade|grades|results|location|"
            r"deadline|deadlines|tasks|todo|reminders|portfolio|profile|data|history|name|address|"
            r"birthday|age|ip)\b(?!\s+(?:page|screen|form|settings|tab|button|format|template|app|api|"
            r"limit\s+error|name\s+field))"
            r"|\b(?:what|who|where|when|which|how\s+(?:much|many|old|long|far))(?:'s|\s+(?:is|are|was|were|does|do|did|"
            r"has|will))\s+(?:(?:in|on|at|left|left\s+on|left\s+in)\s+)?(?:my|our)\b|^\W*(?:is|are|was|were|has|have|did)\s+"
            r"(?:my|our)\b|^\W*(?:am|was)\s+i\b(?!\s+(?:allowed|able|supposed|required|right|correct)\b)|\bremember\s+(?:me|"
            r"my|what\s+i)\b|\b(?:did|have)\s+(?:i|we)\s+(?:\w+\s+)?(?:ask(?:ed)?|sa(?:y|id)|t(?:ell|old)|talk(?:ed)?|mention(?:ed)?|"
            r"discuss(?:ed)?|agreed?)\b|\bdid\s+you\s+(?:get|receive|see)\s+my\b|\bwhen\s+will\s+(?:it|they|this|that)\b"
            r"|\bwh(?:o|ere|at)\s+am\s+i\b|\b(?:do|did|have|am|was)\s+i\s+(?:still\s+)?(?:owe|owed|paid|"
            r"pay|spend|spent|bought|ordered|booked|eligible|approved|registered|enrolled|have\s+any)\b"
            r"|\bhow\s+(?:much|many)\s+\w*\s*(?:\w+\s+)?(?:do|did|have)\s+i\b",
        ),
        (
            "moment",
            r"\bwhat\s+(?:time|day|date|year|month)\s+is\s+(?:it|today|this)\b|\bwhat(?:'s|\s+is)\s+the\s+"
            r"(?:current\s+)?(?:time|date)\b(?!\s+(?:complexity|limit|difference|zone|format|signature))"
            r"|\b(?:right|just)\s+now\b|\bat\s+(?:the|this)\s+(?:moment|minute)\b|\bas\s+we\s+speak\b"
            r"|\bcurrent\s+(?:time|date)\b|\btoday'?s\s+date\b|\bhow\s+long\s+(?:until|till)\b"
            r"|\bdays?\s+(?:until|till|left)\b|\blive\s+(?:score|scores|traffic|updates?|stream)\b",
        ),
        (
            "chance",
            r"\b(?:give|generate|pick|choose|tell|create|make|select|suggest|want|need)\b.{0,40}\brandom\b|\b(?:roll|throw)\s+"
            r"(?:a|the|two|some)?\s*(?:dice|die)\b|\b(?:flip|toss)\s+(?:a|the)?\s*coin\b|\bheads\s+or\s+tails\b|\bpick\s+a\s+(?:card|"
            r"number|winner)\b|\b(?:generate|create|make|give|suggest)\s+(?:me\s+|us\s+)?(?:an?\s+|some\s+|the\s+)?(?:\w+\s+){0,2}?"
            r"(?:passwords?|passphrases?|passcode|uuid|guid|token|secret|api\s+key|lottery\s+numbers?)\b(?!\s+(?:generator|"
            r"policy|field|form|manager|checker|function|reset))|\b(?:another|different|new)\s+(?:one|joke|story|riddle|poem|example|"
            r"fact|idea)\b|\bsurprise\s+me\b",
        ),
        (
            "volatile",
            r"\bwill\s+it\s+(?:rain|snow|storm|freeze)\b|\bis\s+it\s+(?:raining|snowing|windy|sunny|cloudy|cold|hot|warm|dark)\b"
            r"(?:\W*$|\s+(?:in|at|outside|there|out)\b)|\bmarkets?\s+doing\b|\bstocks?\W*$|^\W*(?:bitcoin|btc|ethereum|eth)\W*$"
            r"|\b(?:usd|eur|gbp|jpy|chf|inr|cad|aud|cny|btc|eth|dollars?|euros?|pounds?|yen|rupees?|francs?|pesos?)\s+(?:to|in|into|"
            r"vs)\s+(?:usd|eur|gbp|jpy|chf|inr|cad|aud|cny|btc|eth|dollars?|euros?|pounds?|yen|rupees?|francs?|pesos?)\b|\bhow\s+"
            r"many\s+(?:dollars|euros|pounds|yen|rupees|francs|pesos)\s+(?:is|are|for)\b"
            r"|\b(?:is|are)\s+(?:\S{1,40}\s+){1,4}(?:down|up|online|offline|working)\b(?=\W*$)"
            r"|\b(?:weather|forecast|temperature\s+(?:in|at|outside)|raining|snowing|humidity|traffic\s+"
            r"(?:on|in|to|now|like)|wait\s+times?|queue\s+length|pollen|air\s+quality|uv\s+index)\b"
            r"|\b(?:score|scores|standings|leaderboard)\b(?=.{0,60}\b(?:game|match|league|cup|series|"
            r"team|nba|nfl|nhl|mlb|ipl|premier)\b)|\bwho(?:'s|\s+is)\s+(?:winning|leading|ahead|playing|online)\b"
            r"|\b(?:stock|share|bitcoin|btc|ethereum|crypto|gold|silver|oil|gas|petrol)\s+(?:price|prices|"
            r"market|quote|value)\b|\bprice\s+of\s+(?:bitcoin|btc|ethereum|gold|silver|oil|gas|petrol)\b"
            r"|\b(?:exchange|conversion)\s+rates?\b|\btrading\s+at\b|\bis\s+\S{1,60}\s+(?:down|up|online|offline)\b"
            r"(?=\W*$)",
        ),
        (
            "news",
            r"\bwhat(?:'s|\s+is)\s+new\b(?=\W*$)|\b(?:news|headlines?|breaking|trending|going\s+on\s+in|happening\s+(?:in|with|now|at)|latest\s+"
            r"(?:on|about|from|in)|updates?\s+(?:on|about)|results?\s+of\s+(?:the|yesterday|last\s+night))\b",
        ),
        (
            "day",
            r"\bwho\s+won\b(?!.{0,200}\b(?:1[0-9]|20)\d\d\b)|\b(?:today|tonight|tomorrow|yesterday|this\s+(?:morning|afternoon|evening|week|weekend|month|"
            r"year|season|quarter)|next\s+(?:week|weekend|month|game|match|episode|flight|train|bus|holiday|"
            r"meeting|release|election|event|season|race)|last\s+(?:night|week|weekend|month|game|match|episode)|"
            r"these\s+days|now|nowadays|currently|upcoming|so\s+far|yet|recent|recently|lately|soon)\b",
        ),
        (
            "hours",
            r"\b(?:is|are)\s+(?:\S{1,40}\s+){1,4}(?:open|closed)\b(?=\W*$)|\b(?:open|closed|close|opening|closing)\s+(?:now|hours?|times?|until|till|today|on|at|late)\b"
            r"|\b(?:opening|business|working|store|office|visiting)\s+hours\b|\bwhat\s+time\s+(?:does|do|is|are)\b"
            r"|\bin\s+stock\b|\bavailab(?:le|ility)\b(?=.{0,30}\b(?:near|slots?|seats?|rooms?|tables?)\b)"
            r"|\bnear\s+(?:me|here|us|my)\b|\baround\s+here\b|\bclosest\s+to\s+me\b",
        ),
        (
            "price",
            r"\b(?:price|prices|pricing|cost|costs|fee|fees|tariff|rate|rates|fare|fares|discount|deal|deals|"
            r"sale|offers?|promo(?:tion)?s?|coupons?|cheapest|interest\s+rates?|mortgage\s+rates?|apr|salary|"
            r"net\s+worth|population|market\s+cap|ranking|rank(?:ed|s)?)\b(?!\s+function)"
            r"|\bhow\s+(?:much\s+(?:is|are|does|do|would|will|for)|expensive)\b",
        ),
        (
            "version",
            r"\b(?:latest|newest|most\s+recent|current|stable|lts)\s+(?:\S{1,40}\s+){0,3}?(?:version|release|"
            r"build|update|driver|firmware|edition|model|patch)\b|\b(?:what|which)\s+(?:\S{1,40}\s+)?version\b|\bversion\s+of\b",
        ),
        (
            "current",
            r"\b(?:current|latest|newest|up-to-date|as\s+of|present|incumbent|reigning|new\s+(?:ceo|president|"
            r"prime\s+minister|coach|season|law|rules?|policy))\b|\bwho(?:'s|\s+is)\s+(?:the\s+)?(?:\S{1,40}\s+){0,2}?"
            r"(?:president|prime\s+minister|ceo|king|queen|pope|chancellor|mayor|governor|coach|captain|"
            r"champion|owner|minister|chairman|director|head)\b|\bhow\s+old\s+is\b|\bis\s+\S{1,60}\s+(?:\S{1,60}\s+)?"
            r"(?:still|alive|dead|married)\b",
        ),
    )
)

OF_ONE = frozenset({"personal", "chance"})
NOBODY: frozenset[str] = frozenset()


def of(question: str) -> str:
    """The class of a question that changes its answer with time, or nothing."""
    text = spelling.plain(question[:LONGEST])
    said = OF_ONE if GENERAL.search(text) else NOBODY
    found = (name for name, pattern in CLASSES if name not in said and pattern.search(text))
    return next(found, "") or tongues.of(text[:SHORT])


def life_s(question: str, ttl_s: float) -> float:
    """Seconds that an answer to this may be kept: the class's, never more than the team's."""
    return min(ttl_s, LIVES_S.get(of(question), ttl_s))
