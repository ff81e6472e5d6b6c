"""What a newcomer does first: the checklist and the snippets of the overview."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from analytics.views import seen_by
from routing.models import Backend, Kind
from teams.access import actor_of
from teams.models import ApiKey, Scope

CURL = """curl {base}/v1/chat/completions \\
  -H "Authorization: Bearer $KORA_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "auto", "messages": [{{"role": "user", "content": "Say hello"}}]}}'"""
PYTHON = """# pip install openai
import os
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key=os.environ["KORA_API_KEY"])
answer = client.chat.completions.create(
    model="auto",
    messages=[{{"role": "user", "content": "Say hello"}}],
)
print(answer.choices[0].message.content)"""
NODE = """// npm install openai
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base}/v1", apiKey: process.env.KORA_API_KEY }});
const answer = await client.chat.completions.create({{
  model: "auto",
  messages: [{{ role: "user", content: "Say hello" }}],
}});
console.log(answer.choices[0].message.content);"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    done: bool
    words: str
    why: str
    place: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Snippet:
    name: str
    label: str
    text: str


def steps(request: HttpRequest) -> list[Step]:
    """Empty once everything is done, so that the card goes away."""
    actor = actor_of(request)
    keys = ApiKey.objects.filter(scopes__contains=[Scope.INFER], revoked_at=None)
    if not actor.operates:
        keys = keys.filter(team_id__in=actor.team_ids)
    found = [
        Step(
            done=keys.exists(),
            words="Create an API key",
            why="Programs use it instead of a provider's key. You see it once.",
            place="keys",
        ),
        Step(
            done=seen_by(request).exists(),
            words="Send a first request",
            why="Model “auto” needs no account anywhere.",
            place="",
        ),
        Step(
            done=Backend.objects.filter(kind__in=[Kind.CLOUD, Kind.OPENAI_COMPATIBLE]).exists(),
            words="Connect a real provider",
            why="Until then the sandbox stands in for paid models.",
            place="backend_new",
        ),
    ]
    return [] if all(step.done for step in found) else found


def snippets(base: str) -> list[Snippet]:
    return [
        Snippet(name="curl", label="curl", text=CURL.format(base=base)),
        Snippet(name="python", label="Python", text=PYTHON.format(base=base)),
        Snippet(name="node", label="Node", text=NODE.format(base=base)),
    ]
