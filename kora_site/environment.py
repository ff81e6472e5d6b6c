"""Reads the environment of the contract; the only module that looks at os.environ."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

# Before numpy is imported anywhere. Its matrices here are small, and threads that wait for each
# other on busy cores took fifteen times the processor time of one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client looks for it when it is imported."""
EMBEDDER_ENGINES = ("auto", "onnx", "llama.cpp")


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Where Postgres, Redis and the broker are; empty strings while nothing runs."""

    database_url: str = ""
    redis_url: str = ""
    broker_url: str = ""


def home() -> Path:
    return Path(os.environ.get("KORA_HOME") or ROOT / "var").resolve()


def host() -> str:
    return os.environ.get("KORA_HOST") or "127.0.0.1"


def port() -> str:
    return os.environ.get("KORA_PORT") or "8000"


def services_file() -> Path:
    """`up` writes it (mode 0600) so that any manage.py command finds the embedded services."""
    return home() / "run" / "services.json"


def others_services() -> Services:
    """Those that someone else runs and the environment names; empty where ours are wanted."""
    names = ("KORA_DATABASE_URL", "KORA_REDIS_URL", "KORA_BROKER_URL")
    database_url, redis_url, broker_url = (os.environ.get(name, "") for name in names)
    return Services(database_url=database_url, redis_url=redis_url, broker_url=broker_url)


def services() -> Services:
    running = _embedded()
    redis_url = os.environ.get("KORA_REDIS_URL") or running.redis_url
    return Services(
        database_url=os.environ.get("KORA_DATABASE_URL") or running.database_url,
        redis_url=redis_url,
        broker_url=os.environ.get("KORA_BROKER_URL") or redis_url,
    )


def url_of(path: Path) -> str:
    """KORA's own address as a file of its home has it; empty when there is none."""
    return str(_stored(path).get("url") or "")


def _embedded() -> Services:
    stored = _stored(services_file())
    return Services(
        database_url=stored.get("database_url", ""), redis_url=stored.get("redis_url", "")
    )


def _stored(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def secret_key() -> str:
    """The environment's, or one made once under KORA_HOME with mode 0600."""
    given = os.environ.get("KORA_SECRET_KEY")
    if given:
        return given
    path = home() / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return _make_secret_key(path)
    except OSError as error:
        raise SystemExit(f"KORA cannot read its secret key {path}: {error.strerror}.") from error


def _make_secret_key(path: Path) -> str:
    made = secrets.token_urlsafe(48)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    except OSError as error:
        raise SystemExit(
            f"KORA cannot write to its home {path.parent}: {error.strerror}."
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(made)
    return made


def flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def seconds(name: str, default: float) -> float:
    """A span of time that operators may shorten or lengthen; what is no such number is refused."""
    given = os.environ.get(name) or str(default)
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not 0.1 <= found <= 86_400:
        raise SystemExit(f"{name} must be a number of seconds from 0.1 to 86400, not {given!r}.")
    return found


def whole(name: str, default: int, most: int) -> int:
    """A number of things that operators may allow more or fewer of."""
    given = os.environ.get(name) or str(default)
    if not (given.isdecimal() and 1 <= int(given) <= most):
        raise SystemExit(f"{name} must be a whole number from 1 to {most}, not {given!r}.")
    return int(given)


MOST_WEB_PROCESSES = 16


def web_processes() -> int:
    """How many `up` starts behind its one socket."""
    return whole("KORA_WEB_PROCESSES", 1, MOST_WEB_PROCESSES)


def shares_metrics() -> bool:
    """Whether several web processes count into one folder, which `up` names to each of them."""
    return bool(os.environ.get(METRICS_FOLDER))


def worker_queue() -> str:
    """Which queue this Celery process serves; `up` and the service units set it."""
    return os.environ.get("KORA_WORKER", "")


def private_upstreams() -> tuple[str, ...]:
    """Hosts inside this network that backends may name; `1` or `true` allows every one."""
    return _hosts("KORA_ALLOW_PRIVATE_UPSTREAMS")


def private_webhooks() -> tuple[str, ...]:
    """Hosts inside this network to which alerts may be sent: a list of its own, because teams
    write webhooks and only operators write backends."""
    return _hosts("KORA_ALLOW_PRIVATE_WEBHOOKS")


def smtp() -> tuple[str, str]:
    """The mail server, and whom mail comes from."""
    return os.environ.get("KORA_SMTP_URL", ""), os.environ.get("KORA_MAIL_FROM", "")


def _hosts(name: str) -> tuple[str, ...]:
    if flag(name):
        return ("*",)
    listed = os.environ.get(name, "").split(",")
    return tuple(host.strip().lower() for host in listed if host.strip())


def hub_url() -> str:
    """Where `models pull` finds repositories of models."""
    return (os.environ.get("KORA_HUB_URL") or "https://huggingface.co").rstrip("/")


def hub_token() -> str:
    return os.environ.get("KORA_HUB_TOKEN", "").strip()


def model_urls() -> tuple[str, ...]:
    """What the address of a model file may begin with when it comes from no hub."""
    listed = os.environ.get("KORA_MODEL_URLS", "").split(",")
    return tuple(url.strip() for url in listed if url.strip())


def embedder() -> str:
    return os.environ.get("KORA_EMBEDDER") or "inference.embeddings.local.Local"


def embedder_model() -> str:
    return os.environ.get("KORA_EMBEDDER_MODEL") or "all-MiniLM-L6-v2:q8_0"


def embedder_engine() -> str:
    given = os.environ.get("KORA_EMBEDDER_ENGINE") or "auto"
    if given not in EMBEDDER_ENGINES:
        raise SystemExit(f"KORA_EMBEDDER_ENGINE must be one of {', '.join(EMBEDDER_ENGINES)}.")
    return given


def signals() -> list[str]:
    """Dotted paths of what reads signals of the house's own."""
    return [path.strip() for path in os.environ.get("KORA_SIGNALS", "").split(",") if path.strip()]


def embedder_threads() -> int:
    """Two, where there are as many cores: more would take them from the models that answer."""
    given = os.environ.get("KORA_EMBEDDER_THREADS", "")
    if given and not (given.isdecimal() and int(given) > 0):
        raise SystemExit("KORA_EMBEDDER_THREADS must be a whole number, one or more.")
    return int(given) if given else min(2, os.cpu_count() or 1)


def embedder_endpoint() -> tuple[str, str]:
    """Where another embedder is asked, and with which key."""
    url = os.environ.get("KORA_EMBEDDER_URL", "").rstrip("/")
    return url, os.environ.get("KORA_EMBEDDER_KEY", "").strip()


def index() -> str:
    return os.environ.get("KORA_INDEX") or "caching.vectors.pgvector_index.PgVector"


def allowed_hosts() -> list[str]:
    """Names under which browsers may ask for the console; `KORA_ALLOWED_HOSTS` adds to them."""
    more = [name.strip() for name in os.environ.get("KORA_ALLOWED_HOSTS", "").split(",")]
    listens_everywhere = host() in {"0.0.0.0", "::"}  # noqa: S104
    own = ["*"] if listens_everywhere and not any(more) else [host()]
    return [*own, "localhost", "127.0.0.1", "[::1]", "testserver", *filter(None, more)]
