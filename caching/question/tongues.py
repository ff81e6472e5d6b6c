"""What makes an answer go stale in other languages than English, so far as words tell (pure)."""

# ruff: noqa: RUF001 - other scripts have letters that look like Latin ones
from __future__ import annotations

import re

WORDS: tuple[tuple[str, str], ...] = (
    (
        "personal",
        r"\b(?:wo|wie|was|wann|wer|wie\s+viele?)\s+(?:ist|sind|war|kommt|wird|steht|endet|lautet|hoch\s+ist)"
        r"\s+(?:\w+\s+)?(?:mein|unser)\w*|\b(?:où|ou|quel(?:le)?s?|combien|quand)\s+(?:est|sont|arrive\w*)\s+"
        r"(?:\w+\s+)?(?:mon|ma|mes|notre|nos)\b|\b(?:d[óo]nde|cu[áa]l(?:es)?|cu[áa]nto|cu[áa]ndo|qu[ée])\s+"
        r"(?:est[áa]n?|es|son|llegan?)\s+(?:\w+\s+)?(?:mis?|nuestr[oa]s?)\b|\b(?:dove?|dov'è|qual|quanto|quando)"
        r"\s*'?(?:è|sono|arriva)?\s+(?:il|la|i|le|lo)?\s*(?:mio|mia|miei|mie)\b|\b(?:onde|qual|quanto|quando)\s+"
        r"(?:está|estão|é|são|chega)\s+(?:\w\s+)?(?:meu|minha)s?\b|\b(?:waar|wat|wanneer|hoe)\s+(?:is|zijn|komt)\s+"
        r"(?:\w+\s+)?(?:mijn|onze)\b|\b(?:где|как(?:ой|ая|ое|ов)|сколько|когда)\s+(?:\w+\s+){0,2}?мо(?:й|я|ё|е|и|его)\b"
        r"|\b(?:gdzie|jak[ia]|kiedy|ile)\s+(?:\w+\s+){0,2}?moj[aei]?\b|我的.{0,12}(?:哪|多少|什么|几|吗|怎么样)"
        r"|(?:私|僕|俺)の.{0,12}(?:どこ|いくら|何|いつ)|(?:내|나의)\s*\S{1,12}\s*(?:어디|얼마|언제|뭐)",
    ),
    (
        "moment",
        r"\bwie\s*(?:spät|viel\s+uhr)\b|\bwelche[rn]?\s+(?:tag|datum|wochentag)\b|\bquelle\s+heure\b|\bquel\s+jour\b"
        r"|\bqu[ée]\s+(?:hora|d[íi]a|fecha)\b|\bche\s+(?:or[ae]|giorno)\b|\bque\s+(?:horas|dia)\b|\bhoe\s+laat\b"
        r"|\bkt[óo]ra\s+(?:jest\s+)?godzina\b|\bсколько\s+(?:сейчас\s+)?времени\b|\bкоторый\s+час\b|\bсейчас\b"
        r"|几点|几号|星期几|现在|何時|何日|何曜日|몇\s*시|며칠|지금|كم\s+الساعة|الآن|\bsaat\s+kaç\b",
    ),
    (
        "volatile",
        r"\b(?:wetter|météo|meteo|weer(?:bericht)?|wechselkurs|aktienkurs|pogoda)\b|\btaux\s+de\s+change\b"
        r"|\btipo\s+de\s+cambio\b|\bqu[ée]\s+tiempo\s+hace\b|\bque\s+tempo\s+(?:fa|faz)\b|\bche\s+tempo\s+fa\b"
        r"|\bпогод[аеуы]\b|\bкурс\s+(?:доллара|евро)\b|天气|天気|汇率|為替|股价|株価|날씨|환율|الطقس|hava\s+durumu",
    ),
    (
        "day",
        r"\b(?:heute|morgen|gestern|aujourd'hui|demain|hoy|mañana|ayer|oggi|domani|ieri|hoje|amanhã|ontem|vandaag"
        r"|gisteren|dzisiaj|dziś|jutro|wczoraj|сегодня|завтра|вчера|bugün|yarın)\b"
        r"|今天|明天|昨天|今日|明日|昨日|오늘|내일|어제|اليوم|غدا|आज|कल",
    ),
    (
        "price",
        r"\b(?:was|wie\s*viel)\s+(?:kostet|kosten)\b|\bcombien\s+co[uû]te(?:nt)?\b|\bcu[áa]nto\s+(?:cuestan?|vale)\b"
        r"|\bquanto\s+(?:costa(?:no)?|custam?)\b|\bhoeveel\s+kost(?:en)?\b|\bile\s+kosztuj[eą]\b"
        r"|\bсколько\s+стоит\b|多少钱|いくら|얼마|بكم",
    ),
    (
        "current",
        r"\bwer\s+ist\s+(?:der|die)\b|\bqui\s+est\s+(?:le|la)\b|\bqui[ée]n\s+es\s+(?:el|la)\b|\bchi\s+è\s+(?:il|la)\b"
        r"|\bquem\s+é\s+[oa]\b|\bwie\s+is\s+de\b|\bкто\s+(?:сейчас\s+)?(?:президент|премьер)|总统是谁|大統領は誰|首相は誰",
    ),
)
CLASSES = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in WORDS)


def of(text: str) -> str:
    return next((name for name, pattern in CLASSES if pattern.search(text)), "")
