"""Clients that are not Python: curl, Node's SDK, and bytes that are no HTTP at all."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.journeys.world import World, asking, words

pytestmark = pytest.mark.journey


def curl(world: World, *more: str, body: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed")
    key = f"Authorization: Bearer {world.keys['red']}"
    url = f"{world.kora.url}/v1/chat/completions"
    given = ["-sS", "--noproxy", "*", "-H", key, "-H", "Content-Type: application/json"]
    return subprocess.run(
        [program, *given, *more, "-d", "@-", url],
        input=body, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("more", [(), ("-H", "Transfer-Encoding: chunked"), ("--http1.0",)])
def test_curl(world: World, more: tuple[str, ...]) -> None:
    text = words()
    body = json.dumps({"model": "j-fast", "messages": asking(text)})
    answered = curl(world, *more, body=body)
    assert text in json.loads(answered.stdout)["choices"][0]["message"]["content"]
    streamed = curl(world, "-N", *more, body=body[:-1] + ', "stream": true}')
    assert streamed.stdout.endswith("data: [DONE]\n\n")


def test_curl_with_a_body_that_never_says_how_long_it_is(world: World) -> None:
    answered = curl(
        world, "-H", "Transfer-Encoding: chunked", "-w", "%{http_code}", body=" " * 12_000_000
    )
    assert answered.stdout.endswith("413") or "Broken pipe" in answered.stderr


SCRIPT = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.env.BASE, maxRetries: 0 });
const asked = { model: "j-fast", messages: [{ role: "user", content: process.env.ASKED }] };
const whole = await client.chat.completions.create(asked);
let streamed = "";
let usage = null;
for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
const tool = { type: "function", function: { name: "look", parameters: { type: "object" } } };
const called = await client.chat.completions
  .stream({ ...asked, tools: [tool], tool_choice: "required" })
  .finalChatCompletion();
const errors = {};
const wrong = {
  temperature: { temperature: 9 }, model: { model: "nobody" }, broken: { model: "j-broken" },
};
for (const [name, fields] of Object.entries(wrong)) {
  try {
    await client.chat.completions.create({ ...asked, ...fields });
  } catch (error) {
    errors[name] = [error.constructor.name, error.status, error.code];
  }
}
const models = (await client.models.list()).data.map((model) => model.id);
console.log(JSON.stringify({
  whole: whole.choices[0].message.content, streamed, usage, errors, models,
  called: called.choices[0].message.tool_calls[0].function.name,
}));
"""


def node_folder(tmp_path: Path) -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "openai@6"]
    try:
        installed = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm could not install `openai` within a minute")
    if installed.returncode:
        pytest.skip(f"npm could not install `openai`: {installed.stderr[-200:]}")
    return tmp_path


def test_openais_sdk_for_node(world: World, tmp_path: Path) -> None:
    folder = node_folder(tmp_path)
    (folder / "ask.mjs").write_text(SCRIPT)
    text = words()
    own = {
        "BASE": f"{world.kora.url}/v1",
        "OPENAI_API_KEY": world.keys["red"],
        "ASKED": text,
        "NO_PROXY": "127.0.0.1",
    }
    ran = subprocess.run(
        ["node", "ask.mjs"],
        cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert text in said["whole"]
    assert said["streamed"] == said["whole"]
    assert said["usage"]["completion_tokens"] > 0
    assert said["called"] == "look"
    assert said["errors"] == {
        "temperature": ["BadRequestError", 400, "invalid_request"],
        "model": ["NotFoundError", 404, "model_not_found"],
        "broken": ["InternalServerError", 502, "upstream_failed"],
    }
    assert "j-fast" in said["models"]


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET /v1/models HTTP/9.9\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
        b"Content-Length: 5\r\n\r\nhello",
        b"GET /v1/models\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: \x00\r\n\r\n",
        b"GET /v1/%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_are_refused_and_kora_goes_on(world: World, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", world.kora.port), timeout=10) as wire:
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        heard = wire.recv(65536)
    assert b" 500 " not in heard.split(b"\r\n")[0]
    assert world.get("/v1/models").status_code == 200
