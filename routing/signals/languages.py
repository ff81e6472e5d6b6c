"""Which language a short text is in: by its script, else by small words of ten languages (pure).

It rather says nothing than something wrong: a name, a number or one foreign word tell nothing.
"""

# ruff: noqa: RUF001, E501 - other scripts have letters that look like Latin ones
from __future__ import annotations

import re
from collections import defaultdict

LOOKED_AT = 300
"""Characters; more of them say the same."""
WORD = re.compile(r"[^\W\d_]+")
SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("uk", re.compile(r"[іїєґІЇЄҐ]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
"""In this order: Japanese uses Chinese characters too, Ukrainian letters of Russian."""
LEAST_OF_SCRIPT = 0.2
"""Of the letters, how many must be of it: a formula has Greek ones, a name Chinese ones."""
SMALL_WORDS = {
    "en": "the of and to in is you that it for was on are with as i his they be at one have this "
          "from or had by but what some we can out other were all there when up use your how said "
          "an each she which do their if will way about many then them would write like so these "
          "her make thing him has look more could go did my no who its now find down why where "
          "does should please explain give tell me hello hi hey thanks thank",
    "de": "der die das und ist nicht ich du er sie es wir ihr ein eine einen einem einer zu den "
          "dem mit von auf für im sich auch als wie was wer wo wann warum welche welcher welches "
          "kann kannst können sind war wird werden hat haben bitte oder aber wenn dass nach bei "
          "aus zum zur mein meine mir mich dir dich uns hallo danke schreibe erkläre gib über",
    "fr": "le la les un une des de du et est pas je tu il elle nous vous ils que qui quoi dans "
          "pour sur avec ce cette ces mon ma mes ton son sa ses au aux par plus ne se en y où "
          "comment pourquoi quel quelle quels quelles combien quand peux pouvez sont être avoir "
          "bonjour merci écris explique donne moi est-ce c'est",
    "es": "el la los las un una unos unas de del y es no yo tú él ella nosotros que qué quién en "
          "por para con este esta estos mi mis tu su sus al lo se como cómo cuál cuáles cuánto "
          "cuándo dónde porque puedes puede son está están ser hay más muy hola gracias escribe "
          "explica dame me",
    "it": "il lo la i gli le un uno una di del della dei delle e è non io tu lui lei noi voi che "
          "chi cosa in per con su questo questa questi mio mia tuo suo al alla da come perché "
          "quale quali quanto quando dove puoi può sono essere c'è più molto ciao grazie scrivi "
          "spiega dammi mi nel nella",
    "pt": "o a os as um uma uns umas de do da dos das e é não eu tu ele ela nós você vocês que "
          "quem em no na nos nas por para com este esta isso meu minha seu sua ao à se como qual "
          "quais quanto quando onde porque pode são está ser mais muito olá obrigado escreva "
          "explique me",
    "nl": "de het een en is niet ik jij je hij zij wij we dat wat wie in van op voor met dit deze "
          "die mijn jouw zijn haar te aan om bij als hoe waarom welke hoeveel wanneer waar kan kun "
          "kunt ook maar er naar uit over meer hallo dank schrijf leg geef mij",
    "pl": "i w na z do nie się to jest że a o jak co kto ja ty on ona my wy ten ta te mój moja "
          "dla po od za przez czy dlaczego który która które ile kiedy gdzie może możesz są być "
          "bardzo więcej cześć dziękuję proszę napisz wyjaśnij podaj mi",
    "sv": "och att det i en som är på av för med den till inte han hon jag du vi ni de har var "
          "ett om hur vad vem varför vilken vilka när kan du min din sin eller men från så mer "
          "mycket hej tack skriv förklara ge mig",
    "tr": "ve bir bu da de için ile ne nasıl neden niçin kim nerede hangi kaç mi mı mu mü ben sen "
          "o biz siz onlar var yok çok daha gibi olan olarak ama veya değil bana lütfen merhaba "
          "teşekkürler yaz açıkla ver",
}  # fmt: skip
CERTAIN = {"ß": "de", "ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ł": "pl", "ż": "pl",
           "ś": "pl", "å": "sv", "ı": "tr", "ğ": "tr", "ş": "tr", "œ": "fr", "ê": "fr", "ù": "fr"}  # fmt: skip
"""Letters that hardly any other of these languages has."""
ENOUGH = 1.0
AHEAD = 1.25
"""How far before the second the first must lie."""


def _weights() -> dict[str, tuple[tuple[str, float], ...]]:
    """A word says the more the fewer languages have it."""
    of_word = defaultdict[str, list[str]](list)
    for language, words in SMALL_WORDS.items():
        for word in sorted(set(words.split())):
            of_word[word].append(language)
    return {
        word: tuple((each, 1 / len(languages)) for each in languages)
        for word, languages in of_word.items()
    }


WEIGHTS = _weights()


def of(text: str) -> str | None:
    head = text[:LOOKED_AT]
    if not head.isascii():
        script = _script(head)
        if script:
            return script
    scores: dict[str, float] = {}
    for word in WORD.findall(head.lower()):
        for language, weight in WEIGHTS.get(word, ()):
            scores[language] = scores.get(language, 0.0) + weight
    if not head.isascii():
        for letter, language in CERTAIN.items():
            if letter in head:
                scores[language] = scores.get(language, 0.0) + 1.0
    return _best(scores)


def _script(text: str) -> str | None:
    letters = sum(map(str.isalpha, text))
    found = ((name, len(letter.findall(text))) for name, letter in SCRIPTS)
    known = {name: count for name, count in found if count}
    of_it = sum(known.values()) if "ja" in known else max(known.values(), default=0)
    if of_it < LEAST_OF_SCRIPT * letters:
        return None
    return next(iter(known), None)


def _best(scores: dict[str, float]) -> str | None:
    if not scores:
        return None
    first, *others = sorted(scores.items(), key=lambda each: -each[1])
    second = others[0][1] if others else 0.0
    return first[0] if first[1] >= ENOUGH and first[1] >= AHEAD * second else None
