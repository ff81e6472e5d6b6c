"""What the words of a turn ask for: thinking, calculating, a form of answer (pure).

All of it is one set of patterns and one pass over the text. The words are those of ten languages
as far as a few of them tell; a mark that is missed costs a routing decision a little, no more.
"""

# ruff: noqa: RUF001, E501 - other scripts have letters that look like Latin ones
from __future__ import annotations

from dataclasses import dataclass

from routing.signals.words import Patterns

_LEAD = r"(?:as|in|into|using|return|output|give|make|create|produce|build|format(?:ted)?(?:\s+as)?|"\
        r"als|im|en|in\s+formato|em|formato|au\s+format|sous\s+forme\s+de|como|come|jako|olarak)"  # fmt: skip
_SMALL = r"(?:\s+(?:a|an|the|valid|only|pure|strict|one|me|some|following|single|eine[rn]?|une?|una|um|uma|"\
         r"markdown|simple|short))*"  # fmt: skip


def _as(words: str) -> str:
    return rf"\b{_LEAD}{_SMALL}\s+(?:{words})\b"


PATTERNS: tuple[tuple[str, str], ...] = (
    ("json", _as("json") + r"|\bjson\s+(?:object|array|format|schema|only|output|response)\b"
             r"|\bjson-?(?:objekt|format)\b"),
    ("csv", _as("csv") + r"|\bcsv\s+(?:format|file|output|only)\b|\bcomma[- ]separated\b"),
    ("yaml", _as("ya?ml") + r"|\bya?ml\s+(?:format|file|output|only)\b"),
    ("xml", _as("xml") + r"|\bxml\s+(?:format|document|output|only)\b"),
    ("table", _as("table|tabelle|tableau|tabla|tabella|tabela|tabel|tablo")
              + r"|\b(?:table|tabular)\s+(?:format|form|with\s+columns)\b|表格|表形式|таблиц"),
    ("list", _as("list|bullets?|liste|lista|lijst") + r"|\bbullet(?:ed|s|\s+points?|\s+list)\b|\bnumbered\s+list\b"
             r"|\b(?:stichpunkt|aufzählung)|\bliste\s+à\s+puces\b|\bviñetas\b|\belenco\s+puntato\b"
             r"|\blist\s+(?:\w+\s+)?(?:\d+|two|three|four|five|six|seven|eight|ten|all|some|the)\b"
             r"|箇条書き|列表|списк"),
    ("markdown", _as("markdown|md") + r"|\bmarkdown\s+(?:format|document|file)\b"),
    ("code", r"\b(?:write|create|implement|generate|code|schreibe?|écris|escribe|scrivi|napisz|skriv)\b"
             r"[^.?!\n]{0,60}\b(?:function|script|program|class|method|code|query|regex|funktion|"
             r"programm|skript|fonction|función|funzione|função|snippet|unit\s+tests?)\b"),
    ("maths", r"\$[^$\n]{1,200}\$|\\(?:frac|int|sum|sqrt|begin\{|cdot|lim)|[∑∫√∂≤≥≠π∞×÷±∈∀∃]"
              r"|\d\s*(?:[*^=×÷]|\s[-+/]\s)\s*\d|\b[a-z]\s*=\s*-?\d|\b[a-z]\^\d|\d\s*%\s*(?:of|von|de|di|van)\b"
              r"|\b(?:solve|equations?|integrals?|derivatives?|calculate|compute|probability|matrix|"
              r"determinant|polynomial|arithmetic|sum\s+of|square\s+root|divided\s+by|multipl(?:y|ied)|"
              r"how\s+many|percent(?:age)?|factorial|prime\s+numbers?|theorem|algebra|geometry)\b"
              r"|\b(?:berechne|rechne|gleichung|wie\s+viele|prozent|wahrscheinlichkeit|calcule[rz]?|"
              r"équation|résou|combien|calcula|ecuación|resuelve|cuánt[oa]s|equazione|risolvi|quant[ie]|"
              r"equação|resolva|bereken|vergelijking|oblicz|równanie|beräkna|ekvation|hesapla|denklem)"
              r"|вычисли|уравнени|сколько|计算|方程|多少|計算|方程式|계산|방정식"),
    ("reasoning", r"\b(?:step[- ]by[- ]step|think\s+(?:carefully|hard|through|about\s+it|step)|prove|proof|derive|"
                  r"deduce|reason(?:ing)?\s+(?:through|about|step|out)|show\s+your\s+(?:work|reasoning)|why|"
                  r"explain\s+(?:how|why|your)|compare|contrast|trade-?offs?|pros\s+and\s+cons|"
                  r"analy[sz]e|evaluate|root\s+cause|what\s+(?:would|if)|justify|critically|"
                  r"logic(?:al)?\s+puzzle|riddle|infer|hypothes[ie]s|implications?)\b"
                  r"|\b(?:schritt\s+für\s+schritt|beweise?|warum|weshalb|wieso|begründe|vergleiche?|"
                  r"analysiere|leite\s+\w+\s+her|étape\s+par\s+étape|démontre|prouve|pourquoi|justifie|"
                  r"analyse|paso\s+a\s+paso|demuestra|analiza|justifica|passo\s+(?:dopo|a|per)\s+passo|"
                  r"dimostra|analizza|confronta|demonstre|analise|stap\s+voor\s+stap|bewijs|waarom|"
                  r"vergelijk|krok\s+po\s+kroku|udowodnij|dlaczego|porównaj|steg\s+för\s+steg|bevisa|"
                  r"varför|jämför|adım\s+adım|kanıtla|neden|karşılaştır)"
                  r"|por\s+qu[ée]|perch[ée]\s|почему|зачем|докажи|шаг\s+за\s+шагом|сравни|为什么|為什麼|证明|逐步|"
                  r"一步一步|比较|なぜ|どうして|証明|段階的|比較|왜|증명|단계별|비교|لماذا|اثبت|קדימה\s+צעד|क्यों"),
    ("asks", r"[?？؟;]\s*(?:$|[\"')\]»”]|\n)|^\W*(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|"
             r"does|did|can|could|will|would|should|has|have|am|may|wer|was|welche[rsn]?|wann|wo|"
             r"warum|wie|wieso|ist|sind|kann|kannst|können|hat|qui|que|quel(?:le)?s?|quand|où|"
             r"pourquoi|comment|combien|est-ce|quién|qué|cuál(?:es)?|cuándo|dónde|cómo|cuánto|chi|"
             r"cosa|quale|quando|dove|perché|come|quanto|quem|qual|onde|wie|wat|welke|wanneer|waar|"
             r"waarom|hoe|kto|co|który|kiedy|gdzie|dlaczego|jak|czy|vem|vad|vilken|när|var|varför|hur)\s"
             r"|^\W*(?:кто|что|какой|какая|когда|где|почему|как|сколько)\s|(?:吗|呢|か)[。？]?\s*$"),
)  # fmt: skip
NAMES = tuple(name for name, _ in PATTERNS)
FORMATS = NAMES[: NAMES.index("maths")]
LOOK = Patterns([f"(?i){pattern}" for _, pattern in PATTERNS])


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    format: str = "none"
    maths: bool = False
    reasoning: bool = False
    asks: bool = False


def of(text: str) -> Marks:
    found = {NAMES[index] for index in LOOK.found(text)}
    return Marks(
        format=next((name for name in FORMATS if name in found), "none"),
        maths="maths" in found,
        reasoning="reasoning" in found,
        asks="asks" in found,
    )
