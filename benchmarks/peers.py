"""What we compare with: LiteLLM's proxy, `xllamacpp`; beside KORA, never in it."""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".bench-peers"
PYTHON = PLACE / "bin" / "python"
PROXY = PLACE / "bin" / "litellm"
SERVER = "xllamacpp"
SERVER_VERSION = "2026.10.11549"
"""llama.cpp's own server as a wheel; no package of KORA needs it."""
KEY = "sk-kora-bench-master"
HOW = "make bench-peers"
CONFIG = """\
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_base: {upstream}
      api_key: sk-mock
general_settings:
  master_key: {key}
litellm_settings:
  telemetry: false
  set_verbose: false
"""
ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_TELEMETRY": "False",
}


def locked_version() -> str:
    """The version KORA itself is pinned to, so that both run the same library."""
    found = re.search(r"^litellm==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    if not found:
        raise SystemExit("requirements.lock does not pin litellm")
    return found[1]


def installed() -> bool:
    return PROXY.exists()


def server_installed() -> bool:
    return any(PLACE.glob(f"lib/*/site-packages/{SERVER}-{SERVER_VERSION}.dist-info"))


def install() -> None:
    if not PYTHON.exists():
        venv.create(PLACE, with_pip=True)
    wanted = [f"litellm[proxy]=={locked_version()}", f"{SERVER}=={SERVER_VERSION}"]
    print(f"Installing {' and '.join(wanted)} into {PLACE.name}/ …", flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", *wanted]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(found.stderr[-2000:])
    print(f"{' and '.join(wanted)} are ready.")


def command(*, port: int, upstream: str, folder: Path) -> list[str]:
    """One worker on uvicorn, no database: its lightest way to run with a key checked."""
    config = folder / "litellm.yaml"
    config.write_text(CONFIG.format(upstream=upstream, key=KEY))
    return [
        str(PROXY),
        "--config", str(config),
        "--host", "127.0.0.1",
        "--port", str(port),
        "--num_workers", "1",
        "--telemetry", "False",
    ]  # fmt: skip


def serve(port: int, upstream: str) -> None:
    from benchmarks import processes

    with tempfile.TemporaryDirectory(prefix="kora-peers-") as place:
        asked = command(port=port, upstream=upstream, folder=Path(place))
        process = processes.start(asked, sys.stdout.buffer, ENVIRONMENT)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            process.wait()
        finally:
            processes.end(process)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m benchmarks.peers", description=__doc__)
    parser.add_argument("what", nargs="?", default="install", choices=["install", "serve"])
    parser.add_argument("--port", type=int, default=4000)
    parser.add_argument("--upstream", default="http://127.0.0.1:9100/v1")
    given = parser.parse_args()
    if given.what == "install":
        install()
    else:
        serve(given.port, given.upstream)


if __name__ == "__main__":
    main()
