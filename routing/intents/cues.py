"""What the surface of a request shows of its kind: telling words, code, signs and length (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

LONGEST_HEAD, LONGEST_TAIL = 1_000, 300
"""Characters that are looked at: what is asked stands before or behind what it is asked about."""
OPENING = 4
"""Words at the beginning, where the verb of a request mostly stands."""

TELLING = {
    "greets": """
        hi hello hey yo hallo servus bonjour bonsoir salut hola ciao thanks thank thx cheers danke
        dank merci gracias bye goodbye tschüss welcome morning evening afternoon night morgen
        abend tag buenos buenas journée""",
    "translates": """
        translate translation translated übersetze übersetzen übersetzt übersetzung traduis
        traduire traduisez traduction traduce traducir traducción localise localize subtitles say
        heißt sagt dit dice""",
    "tongue": """
        english german french spanish italian portuguese dutch japanese chinese russian polish
        turkish arabic korean swedish latin greek hindi deutsch deutsche englisch englische
        französisch spanisch italienisch polnisch türkisch anglais allemand français espagnol
        portugais inglés alemán francés español""",
    "shortens": """
        summarize summarise summary summaries tldr tl dr condense recap gist shorten shorter
        synopsis outline takeaways abstract overview nutshell boil sum fasse zusammen
        zusammenfassung résume résumé résumer resume resumen main key points short brief concise""",
    "extracts": """
        extract extrahiere extrais extraire relève extrae saca pull grab pick mentioned appear
        appears occur contained entities find identify nenne suche""",
    "shapes": """
        format reformat formatiere convert convertis convierte turn transform table markdown json
        csv yaml xml latex bullet bullets bulleted uppercase lowercase capitalise capitalize title
        sort alphabetical alphabetically order numbered list liste tabelle tabla wandle mets
        remove duplicates stichpunkte iso""",
    "polishes": """
        rewrite rephrase reword proofread spelling grammar punctuation typos typo correct
        korrigiere rechtschreibung corrige orthographe ortografía formal polite professional tone
        passive voice plain""",
    "sorts": """
        classify classification label labels category categories categorise categorize sentiment
        positive negative neutral positif négatif neutre positiva negativa spam topic toxic
        priority genre tag opinion klassifiziere kategorie ordne classe clasifica clasificar
        sarcastic emotion department""",
    "language": """
        python java javascript js typescript ts rust golang go c cpp csharp sql bash shell html
        css react vue angular django flask fastapi spring docker dockerfile kubernetes terraform
        regex php haskell kotlin swift ruby pandas numpy node npm git github makefile pytest
        postgres selenium yaml""",
    "codes": """
        function functions class classes method code script snippet loop array api endpoint query
        compile pointer recursion algorithm variable unit tests test stack queue cache parser
        module component async thread manifest migration funktion skript fonction requête función
        código programm programa program command regex""",
    "makes": """
        write implement create build generate add complete finish make give schreibe implementiere
        erstelle écris escribe crea""",
    "explains": """
        explain explains describe walk purpose meaning means mean does do works work erkläre macht
        bewirkt explique expliquer explícame hace fait comments document line""",
    "breaks": """
        error errors exception traceback bug bugs debug fix fixed fails failed failing failure
        crash crashes crashed crashing undefined wrong broken hangs stuck segfault segmentation
        fault panic deadlock leak leaks fehler stürzt abstürzt erreur plante falla unresolved
        rejected denied refused nullpointerexception typeerror valueerror keyerror indexerror
        syntaxerror referenceerror assertionerror modulenotfounderror importerror nan mistake
        exits unable crashloopbackoff""",
    "calculates": """
        solve calculate compute integral derivative differentiate equation sum probability prove
        percent percentage matrix determinant average area volume root square divisor simplify
        eigenvalues limit induction times divided plus minus löse berechne ableitung gleichung
        prozent résous résoudre calcule calculer dérivée resuelve calcula cuánto combien
        probabilidad multiply fraction decimal""",
    "imagines": """
        poem story stories haiku joke song lyrics slogan tale limerick sonnet novel scene dialogue
        monologue rhyme fable myth rap speech tagline gedicht geschichte witz reim märchen dichte
        erzähl poème histoire poésie conte poema cuento chiste canción letter caption fictional
        imagine invent compose""",
    "plans": """
        plan plans planning schedule itinerary roadmap checklist agenda timetable organise
        organize steps milestones trip timeline strategy week weeks month months budget plane
        trainingsplan lernplan wochenplan packliste planifie organiza viaje reise voyage packing
        meal workout goals""",
    "acts": """
        weather timer remind reminder alarm book send email calendar search order message cancel
        call check meeting table reservation schedule list add appointment flight hotel turn play
        open download update restart transfer subscribe navigate wetter erinnere schicke buche
        stelle reserve réserve envoie envía reserva pon recuérdame taxi lights ticket""",
    "now": """
        now right today tonight tomorrow current currently latest nearest morgen heute demain
        mañana hoy ahora maintenant""",
    "reasons": """
        if therefore because argue argument compare conclusion deduce assumptions pros cons weigh
        logical flaw warum pourquoi begründe raisonne razona analyse analyze justify evaluate
        better ethical lies lying truth taller older heavier all some none would might reason
        reasoning vorteile nachteile avantages ventajas""",
    "asks": """
        what who when where which how is are does do can why was wer wann wo welche wie qui quelle
        quel quand où comment pourquoi qué quién cuándo dónde cuál cómo""",
    "refers": """
        following below above this text passage paragraph article document report email message
        transcript review sentence table list invoice contract letter texte texto artikel
        folgenden suivant siguiente""",
    "counts": """
        at least most exactly must without only each every both within under keep ensure include
        including constraints rules""",
}
_GROUPS = {
    word: tuple(at for at, others in enumerate(TELLING.values()) if word in others.split())
    for words in TELLING.values()
    for word in words.split()
}
_WORD = re.compile(r"[^\W\d_]+")
_SUM = re.compile(r"\d\s*[-+*/^\u00d7\u00f7]\s*\d|\d\s*[%=]|[a-z]\s*=\s*\d")
_TROUBLE = re.compile(r"\w+(?:Error|Exception)\b|Traceback|ERR!|panic:|error:")
_CALL = re.compile(r"\w\(|=>|::|\w\.\w+\(|[{};]\s*$", re.MULTILINE)
SHAPES = ("fenced", "calls", "sums", "trouble", "digits", "question", "lines", "quoted", "tiny",
          "short", "long", "comment")  # fmt: skip
DIGITS = "0123456789"
WIDTH = 2 * len(TELLING) + len(SHAPES)
NAMES = (
    *TELLING,
    *(f"{name} at the beginning" for name in TELLING),
    *SHAPES,
)


def read(text: str) -> npt.NDArray[np.float32]:
    """One number from 0 to 1 for each of `NAMES`."""
    looked_at = clipped(text)
    found = np.zeros(WIDTH, np.float32)
    for place, group in _telling(looked_at):
        found[group] = 1.0
        if place < OPENING:
            found[len(TELLING) + group] = 1.0
    found[2 * len(TELLING) :] = _shapes(looked_at)
    return found


def clipped(text: str) -> str:
    if len(text) <= LONGEST_HEAD + LONGEST_TAIL:
        return text
    return f"{text[:LONGEST_HEAD]}\n{text[-LONGEST_TAIL:]}"


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _telling(text: str) -> Iterator[tuple[int, int]]:
    for place, word in enumerate(words(text)):
        for group in _GROUPS.get(word, ()):
            yield place, group


def _shapes(text: str) -> tuple[float, ...]:
    length = len(text)
    return (
        float("```" in text),
        float(_CALL.search(text) is not None),
        float(_SUM.search(text) is not None),
        float(_TROUBLE.search(text) is not None),
        min(1.0, 4 * sum(map(text.count, DIGITS)) / (length + 1)),
        float("?" in text),
        min(1.0, math.log1p(text.count("\n")) / 3),
        float('"' in text or "«" in text or "“" in text),
        float(length < 12),
        float(length < 40),
        min(1.0, math.log1p(length / 40) / 3.5),
        float(text.lstrip().startswith(("//", "#", "def ", "import ", "function ", "/*"))),
    )
