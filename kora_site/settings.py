"""Django's settings; everything a person sets comes through `environment` (docs/operations.md)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from csp.constants import NONCE, NONE, SELF
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from kora_site import environment, mailing

BASE_DIR = environment.ROOT
KORA_HOME = environment.home()
SERVICES = environment.services()

SECRET_KEY = environment.secret_key()
DEBUG = environment.flag("KORA_DEBUG")
ALLOWED_HOSTS = environment.allowed_hosts()
BEHIND_TLS = environment.flag("KORA_TLS")

INSTALLED_APPS = [
    "kora_site",
    "routing",
    "caching",
    "analytics",
    "teams",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "template_partials",
    "csp",
    "axes",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "kora_site.errors.Unstorable",
]

ROOT_URLCONF = "kora_site.urls"
ASGI_APPLICATION = "kora_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]


def _database(url: str) -> dict[str, Any]:
    """Django's words for a libpq URL; an empty one fails with a clear sentence when first used."""
    try:
        given = conninfo_to_dict(url or "postgresql:///kora?host=/nonexistent/kora-is-not-running")
    except ProgrammingError:  # its text repeats the URL, and so the password
        raise SystemExit("KORA_DATABASE_URL is not a Postgres URL.") from None
    names = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    known = {names[key]: str(value) for key, value in given.items() if key in names}
    extra = {key: value for key, value in given.items() if key not in names}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 60,
        **known,
        "OPTIONS": extra,
    }


DATABASES = {"default": _database(SERVICES.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "teams.Member"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "teams.doors.locked_out"
AXES_USERNAME_CALLABLE = "teams.doors.name_given"

SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
    }
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = KORA_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "teams.access.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["teams.access.MayManage"],
    "DEFAULT_PAGINATION_CLASS": "teams.access.NewestFirst",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "kora_site.errors.answer_for_api",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "KORA control plane",
    "DESCRIPTION": "Everything a team sets and reads. The data plane (`/v1`) has OpenAI's schema.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "BackendKindEnum": "routing.models.Kind",
        "ChannelKindEnum": "analytics.models.ChannelKind",
        "LedgerKindEnum": "analytics.models.LedgerKind",
        "HealthStateEnum": "routing.models.HealthState",
        "ExchangeStateEnum": "analytics.models.ExchangeState",
        "PolicyStateEnum": "routing.models.PolicyState",
        "SimulationStateEnum": "routing.models.SimulationState",
        "ExperimentStateEnum": "routing.models.ExperimentState",
        "TrialStateEnum": "routing.models.TrialState",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

CELERY_BROKER_URL = SERVICES.broker_url or "redis://127.0.0.1:1/0"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
}
CELERY_TASK_DEFAULT_QUEUE = "background"
CELERY_TIMEZONE = "UTC"

DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

KORA_BODY_LIMIT_BYTES = 10 * 1024 * 1024
"""A larger `/v1` body is refused with 413 before it is read to its end."""
KORA_DEADLINE_S = 600
"""The longest a request may take when its caller sets no `x-kora-max-latency-ms`."""
KORA_DRAIN_S = 25
"""How long running requests may go on after SIGTERM."""
KORA_WRITE_TIMEOUT_S = environment.seconds("KORA_WRITE_TIMEOUT_S", 30)
"""A client that reads nothing for this long is treated as gone."""
KORA_LEASE_S = environment.seconds("KORA_LEASE_S", 15)
"""How long a hold outlives the process that made it."""
KORA_IMPORT_LIMIT_BYTES = 20 * 1024 * 1024
"""The largest file of questions and answers that is taken in at once."""
KORA_IN_FLIGHT_LIMIT = environment.whole("KORA_IN_FLIGHT_LIMIT", 1000, 100_000)
"""Requests waiting for a backend in one web process; beyond it 429 `queue_full`."""
KORA_WORKER_QUEUE = environment.worker_queue()
"""Which queue this process serves, if it is a worker."""
KORA_WEB_THREADS = 8
"""Threads of the web process that run the synchronous stages, each with its own connection."""
KORA_SHARES_METRICS = environment.shares_metrics()
"""Several web processes count together for /metrics."""
KORA_WORKER_SLOTS = 256
"""Calls that one cloud worker runs at once."""
KORA_LOCAL_SLOTS = 2000
"""Calls that one local worker takes at once; how many run and wait is each model's own bound."""
KORA_ALLOW_PRIVATE_UPSTREAMS = environment.private_upstreams()
"""Hosts inside this network that a backend's `api_base` may name."""
KORA_ALLOW_PRIVATE_WEBHOOKS = environment.private_webhooks()
"""Hosts inside this network to which alerts may be sent."""
_post = mailing.read(*environment.smtp())
EMAIL_BACKEND = _post.backend
EMAIL_HOST, EMAIL_PORT = _post.host, _post.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _post.user, _post.password
EMAIL_USE_SSL, EMAIL_USE_TLS = _post.encrypted, _post.starts_tls
EMAIL_TIMEOUT = 10
KORA_MAIL_FROM = _post.sender
"""Whom alerts come from; empty where no mail server is set: then no e-mail goes out."""
KORA_MODELS = KORA_HOME / "models"
"""Where the model files are that run here."""
KORA_HUB_URL = environment.hub_url()
KORA_HUB_TOKEN = environment.hub_token()
KORA_MODEL_URLS = environment.model_urls()
"""Beginnings of addresses from which single model files may be fetched."""
KORA_EMBEDDER = environment.embedder()
"""What makes the vectors that KORA itself stores, by its dotted path."""
KORA_EMBEDDER_MODEL = environment.embedder_model()
KORA_EMBEDDER_ENGINE = environment.embedder_engine()
KORA_EMBEDDER_THREADS = environment.embedder_threads()
KORA_EMBEDDER_URL, KORA_EMBEDDER_KEY = environment.embedder_endpoint()
KORA_INDEX = environment.index()
KORA_SIGNALS = environment.signals()
"""What else reads signals of a prompt, by dotted paths."""
"""What finds the stored questions nearest to one asked, by its dotted path."""

LOGGING_CONFIG = None
