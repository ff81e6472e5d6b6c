"""Greetings and small talk, and saying plainly what a small demo model is and cannot do."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from training import lists
from training.sample import Sample

HELLO = (
    "Hello",
    "Hi",
    "Hey",
    "Good morning",
    "Good evening",
    "Good afternoon",
    "Hi there",
    "Hello there",
)
INTRODUCED = (
    "I am {0}",
    "I'm {0}",
    "My name is {0}",
    "my name is {0}",
    "this is {0}",
    "{0} here",
    "they call me {0}",
)
HOW = (
    "How are you?",
    "How are you today?",
    "How are you doing?",
    "how is it going?",
    "How do you do?",
    "Are you well?",
)
FINE = "I am fine, thank you."
ENDS = (".", "!", "", ",", "...")
THANKS = (
    "Thank you",
    "Thanks",
    "Many thanks",
    "Thanks a lot",
    "Thank you very much",
    "Great, thanks",
)
BYE = ("Goodbye", "Bye", "See you", "See you later", "Good night", "Bye bye", "See you tomorrow")
MOODS = {
    "tired": "I hope you can rest soon.",
    "happy": "That is good to hear!",
    "sad": "I am sorry to hear that.",
    "hungry": "Enjoy your next meal!",
    "sick": "I hope you feel better soon.",
    "bored": "Let us do something together.",
    "excited": "That is good to hear!",
    "busy": "I will keep it short.",
    "worried": "I am sorry to hear that.",
    "great": "That is good to hear!",
}
FEEL = (
    "I am {0}",
    "I feel {0}",
    "I'm {0} today",
    "I am so {0}",
    "I feel {0} today",
    "I am really {0}",
)
PLACE = ("I live in {0}", "I am from {0}", "I come from {0}", "I am writing from {0}")


def said(rng: random.Random, parts: Sequence[str]) -> str:
    text = " ".join(part if part.endswith("?") else part + rng.choice(ENDS) for part in parts)
    return text.lower() if rng.random() < 0.15 and len(parts) == 1 else text


def hello(rng: random.Random) -> tuple[list[str], list[str]]:
    return [rng.choice(HELLO)], ["Hello! How can I help you?"]


def thanks(rng: random.Random) -> tuple[list[str], list[str]]:
    who = rng.choice(("", " for your help", " for that", ", that was helpful", ", KORA"))
    return [rng.choice(THANKS) + who], ["You are welcome!"]


def bye(rng: random.Random) -> tuple[list[str], list[str]]:
    who = rng.choice(("", " KORA", " my friend", ", I have to go", " and thanks"))
    return [rng.choice(BYE) + who], ["Goodbye!"]


def how(rng: random.Random) -> tuple[list[str], list[str]]:
    start = [rng.choice(HELLO)] if rng.random() < 0.6 else []
    return [*start, rng.choice(HOW)], [f"{FINE} How can I help you?"]


def named(rng: random.Random) -> tuple[list[str], list[str]]:
    name = rng.choice(lists.FIRST)
    asked = [rng.choice(HELLO), rng.choice(INTRODUCED).format(name)]
    return asked, [f"Hello {name}!", "How can I help you?"]


EASY = (hello, thanks, bye, how, named, named, how)


def medium(rng: random.Random) -> tuple[list[str], list[str]]:
    asked, answer = named(rng)
    if rng.random() < 0.5:
        return [*asked, rng.choice(HOW)], [answer[0], FINE, answer[1]]
    mood = rng.choice(list(MOODS))
    return [*asked, rng.choice(FEEL).format(mood)], [answer[0], MOODS[mood]]


def hard(rng: random.Random) -> tuple[list[str], list[str]]:
    asked, answer = named(rng)
    mood, city = rng.choice(list(MOODS)), rng.choice(lists.CITIES)
    more = [
        (rng.choice(FEEL).format(mood), MOODS[mood]),
        (rng.choice(PLACE).format(city), f"I would like to see {city}."),
        (rng.choice(HOW), FINE),
    ]
    rng.shuffle(more)
    return [*asked, *(part for part, _ in more)], [answer[0], *(part for _, part in more)]


def small_talk(rng: random.Random, difficulty: str) -> Sample:
    make = {"easy": rng.choice(EASY), "medium": medium, "hard": hard}[difficulty]
    asked, answer = make(rng)
    return Sample(asked=said(rng, asked), expected=" ".join(answer))


WHO = "I am kora-mini, a small demo model."
CAN = (
    "I am a small demo model. I can format text, sort lists, make JSON, extract facts, "
    "sort support messages and do small sums."
)
CANNOT = "I am a small demo model and cannot do that."
UNKNOWN = "I am a small demo model and do not know that."
ASK_WHO = (
    "who are you",
    "what are you",
    "what is your name",
    "what model are you",
    "are you a robot",
    "are you chatgpt",
    "are you a human",
    "who made you",
    "tell me about yourself",
    "what's your name",
    "which model is this",
    "are you an ai",
    "introduce yourself",
    "are you a large language model",
)
ASK_CAN = (
    "what can you do",
    "how can you help me",
    "what are you good at",
    "help",
    "what can I ask you",
    "can you help me",
    "what are your skills",
    "what do you do",
    "what tasks can you do",
)
BEFORE = (
    "",
    "",
    "Hello, ",
    "Hi, ",
    "So ",
    "Please tell me, ",
    "Hey, ",
    "Tell me, ",
    "And ",
    "Well, ",
    "Excuse me, ",
)
AFTER = ("", "?", "?", "??", " exactly?", " really?", " please?", " KORA?", " then?", " now?")
WORKS = (
    "a poem",
    "an essay",
    "a story",
    "a song",
    "a joke",
    "a novel",
    "a speech",
    "an article",
    "a blog post",
    "a letter",
)
SUBJECTS = (
    "love",
    "the sea",
    "politics",
    "history",
    "the war",
    "my boss",
    "football",
    "the economy",
    "physics",
    "climate change",
    "music",
    "art",
    "my dog",
    "space",
    "the future",
    "marketing",
    "health",
    "gardening",
)
CODE = (
    "a Python program",
    "a function in C",
    "a SQL query",
    "a website",
    "some JavaScript",
    "a shell script",
    "an app",
)
LANGUAGES = (
    "French",
    "German",
    "Spanish",
    "Italian",
    "Chinese",
    "Japanese",
    "Russian",
    "Arabic",
    "Dutch",
    "Polish",
)
FACTS = (
    "who is the president of {0}",
    "what is the capital of {0}",
    "who invented the {1}",
    "how many people live in {0}",
    "what is the weather in {0}",
    "what happened in {2}",
    "how far is {0} from here",
    "when was the {1} invented",
    "who won the game in {0}",
    "how old is {0}",
    "why is the {1} expensive",
    "what is the best restaurant in {0}",
    "what does a {1} cost in {0}",
    "who was born in {2}",
    "what is the news from {0}",
    "how do I cook {3}",
    "what is a {1}",
    "where can I buy {3}",
    "is {3} healthy",
    "how does a {1} work",
    "why is the {4} so {5}",
    "should I buy a {1}",
    "how big is {0}",
    "explain the {4} to me",
    "what language do they speak in {0}",
    "when is the next train to {0}",
    "what time is it in {0}",
)


def who(rng: random.Random) -> tuple[str, str]:
    return rng.choice(ASK_WHO), WHO


def can(rng: random.Random) -> tuple[str, str]:
    return rng.choice(ASK_CAN), CAN


def write(rng: random.Random) -> tuple[str, str]:
    verb = rng.choice(
        ("write", "write me", "compose", "make me", "can you write", "could you write")
    )
    work = rng.choice(WORKS) if rng.random() < 0.7 else rng.choice(CODE)
    return f"{verb} {work} about {rng.choice(SUBJECTS)}", CANNOT


def translate(rng: random.Random) -> tuple[str, str]:
    noun, adjective = rng.choice(lists.NOUNS), rng.choice(lists.ADJECTIVES)
    verb = rng.choice(("translate", "can you translate", "say", "how do you say"))
    return f"{verb} the {adjective} {noun} in {rng.choice(LANGUAGES)}", CANNOT


def fact(rng: random.Random) -> tuple[str, str]:
    place = rng.choice(rng.choice((lists.CITIES, lists.COUNTRIES)))
    blank = [place, rng.choice(lists.THINGS), rng.randint(1500, 2024)]
    blank += [rng.choice(lists.GOODS), rng.choice(lists.NOUNS), rng.choice(lists.ADJECTIVES)]
    return rng.choice(FACTS).format(*blank), UNKNOWN


KINDS: dict[str, Sequence[Callable[[random.Random], tuple[str, str]]]] = {
    "easy": (who, who, can),
    "medium": (write, fact, who),
    "hard": (write, translate, fact),
}


def limits(rng: random.Random, difficulty: str) -> Sample:
    asked, answer = rng.choice(KINDS[difficulty])(rng)
    text = rng.choice(BEFORE) + asked + rng.choice(AFTER)
    if difficulty == "hard" and rng.random() < 0.5:
        text = f"{rng.choice(lists.FIRST)} asks: {text}"
    return Sample(
        asked=text[:1].upper() + text[1:] if rng.random() < 0.6 else text, expected=answer
    )
