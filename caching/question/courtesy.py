"""Greetings before a question and thanks behind it, which never change its answer (pure).

They move a question's vector further than a wrong word does, so they go before it is made. Only at
the edges, and never where the words themselves may be what is asked about.
"""

from __future__ import annotations

import re

LONGEST = 2_000
LEAST = 6
"""Characters of a question that is one without them; `Hello, thanks!` stays what it is."""

GREETINGS = (
    r"(?:hi|hiya|hello|hey|howdy|greetings|good (?:morning|afternoon|evening|day)"
    r"|dear (?:all|team|support)|hallo|guten (?:tag|morgen|abend)|moin|servus|grüß gott|hola"
    r"|buen(?:os|as) (?:días|dias|tardes|noches)|buenas|bonjour|bonsoir|salut|ciao|buongiorno"
    r"|buonasera|salve|ol[áa]|bom dia|boa (?:tarde|noite)|hej|hei|hoi|goede(?:morgen|middag|navond)"
    r"|cześć|dzień dobry|ahoj|dobrý den|merhaba|selam|привет|здравствуйте|добрый (?:день|вечер)"
    r"|你好|您好|こんにちは|안녕하세요|مرحبا)"
    r"(?: (?:there|all|team|everyone|everybody|folks|again|zusammen))?"
)
PLEAS = (
    r"please|pls|plz|kindly|excuse me|sorry|quick question|bitte|entschuldigung|por favor|disculpe"
    r"|s'il (?:vous|te) pla[iî]t|svp|excusez-moi|per favore|scusi|alstublieft|proszę|prosím|lütfen"
    r"|пожалуйста|请问|すみません|お願いします"
)
THANKS = (
    r"(?:many )?thanks(?: (?:a lot|so much|in advance|again))?|thank you(?: (?:very|so) much)?"
    r"(?: in advance)?|thx|cheers|danke(?: schön| im voraus)?|vielen dank(?: im voraus)?"
    r"|(?:muchas )?gracias|merci(?: beaucoup| d'avance)?|grazie(?: mille)?|obrigad[oa]|bedankt"
    r"|dziękuję|děkuji|tack|teşekkürler|спасибо|谢谢|ありがとう(?:ございます)?|감사합니다"
    r"|(?:best |kind )?regards"
)
APART = r"(?:\s*[,.!;]+\s*|\s+-+\s+|\s*\n\s*)"
BEFORE = re.compile(rf"(?i)(?:(?:{GREETINGS}|{PLEAS}){APART}|请问,?)+")
STRAIGHT = re.compile(
    r"(?i)(?:(?:hi|hello|hey)(?: there| all| team| everyone)?|please|pls|plz|kindly)\s+(?=(?:how|"
    r"what|where|when|who|which|why|can|could|would|tell|explain|describe|list|show|give|find|help)\b)"
)
"""Without a mark between, only where a question begins: `Hello World in Go` is about something."""
BEHIND = re.compile(rf"(?i)(\?*)(?:{APART}|(?<=\?)\s*)(?:{THANKS}|{PLEAS})[\s.!,]*(\?*)\Z")
TRAILING = re.compile(
    r"(?<!\ba)(?<!\ban)(?<!\bthe)(?<!\bor)(?<!\band)(?<!\bof)(?<!\bwith)(?<!\bis)(?<!\bno)"
    r"\s+(?:please|pls|plz|thx|bitte)[\s.!,]*(\?*)\Z"
)
"""In small letters: `Who sang Please` is about a name."""
ABOUT = re.compile(
    r"(?i)\b(?:say|says|saying|said|spell\w*|words?|mean|means|meaning|phrases?|translat\w*|rhym\w*"
    r"|pronounc\w*|synonym\w*|language|greetings?|polite\w*|rude|formal\w*|verbs?|adverbs?|nouns?"
    r"|song|sang|sings?|lyrics|title|called|named|sagt|sagen|hei(?:ß|ss)t|bedeutet|wort|sprache"
    r"|dire|dit|mot(?! de passe)|langue|signifie|decir|dice|significa|palabra|idioma|dizer|parola"
    r"|lingua)\b"
    r"|意思|怎么说|意味"
)
"""Here the courtesy may be what is asked about: `How do you say thanks?`."""


def bare(text: str) -> str:
    """The question without them; the text as it is where that would leave none."""
    if len(text) > LONGEST or is_about(text):
        return text
    said = _without_last(_without_last(text.strip()))
    opening = BEFORE.match(said) or STRAIGHT.match(said)
    said = said[opening.end() :] if opening else said
    opening = STRAIGHT.match(said)
    said = said[opening.end() :] if opening else said
    return said if len(said) >= LEAST else text


def is_about(text: str) -> bool:
    """Whether words, not things, may be asked about."""
    return ABOUT.search(text) is not None


def _without_last(said: str) -> str:
    found = BEHIND.search(said[-80:]) or TRAILING.search(said[-80:])
    if found is None:
        return said
    return said[: len(said) - len(found.group())] + ("?" if "?" in found.group() else "")
