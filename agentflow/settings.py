"""All settings, read from the environment; `tests/settings.py` is the only override."""

from datetime import timedelta
from urllib.parse import unquote, urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from agentflow import env
from agentflow.logs import setup as logs

env.read_files()

BASE_DIR = env.BASE_DIR
DATA_DIR = env.data_folder()

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret("SECRET_KEY", DATA_DIR / "secret-key")
#: The first one encrypts credentials, every one decrypts; without them all credentials are lost.
CREDENTIAL_KEYS = env.keys("AGENTFLOW_CREDENTIAL_KEYS", DATA_DIR / "credential-keys")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "agentflow.graphs",
    "agentflow.accounts",
    "agentflow.credentials",
    "executions",
    "agentflow.triggers",
    "agentflow.notifications",
    "agentflow.costs",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "csp",
    "django_prometheus",
    "django_rq",
    "drf_spectacular",
    "rest_framework",
    "agentflow.backups",
    "agentflow.processes",
]

MIDDLEWARE = [
    "agentflow.processes.health.HealthMiddleware",
    "agentflow.logs.middleware.name_request",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "agentflow.bad_requests.refuse_null_characters",
    "csp.middleware.CSPMiddleware",
    "agentflow.queue_pages.allow_inline_styles",
    "agentflow.bad_requests.AdminMistakes",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "agentflow.accounts.visits.know_visitor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "agentflow.urls"
ASGI_APPLICATION = "agentflow.asgi.application"
WSGI_APPLICATION = "agentflow.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": [
                "agentflow.templatetags.bell",
                "agentflow.templatetags.costs",
                "agentflow.templatetags.pages",
                "agentflow.templatetags.vite",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    return {
        "ENGINE": "agentflow.database",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # A unix socket's folder is written percent-encoded in the place of the host; `hostname` would lower its case.
        "HOST": unquote(parts.netloc.rpartition("@")[2].removesuffix(f":{parts.port}").strip("[]")),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # A machine that is gone, or that nothing reaches, is noticed within seconds.
        "OPTIONS": {
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        },
    }


DATABASES = {"default": _database(env.text("DATABASE_URL", "postgresql://127.0.0.1:5432/agentflow"))}
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
#: Prefix of our pub/sub channels, so that installations and test runs can share a server.
REDIS_PREFIX = env.text("REDIS_PREFIX", "agentflow")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": f"{REDIS_PREFIX}:layer"},
    }
}

#: `default` carries admission tickets, `nodes` carries isolated node runs. One queue per worker process (DESIGN §5.2).
RQ_QUEUES = {
    "default": {"URL": REDIS_URL, "SERIALIZER": "rq.serializers.JSONSerializer"},
    "nodes": {"URL": REDIS_URL, "SERIALIZER": "rq.serializers.JSONSerializer"},
}
RQ = {"JOB_CLASS": "executions.tickets.TicketJob"}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "agentflow.accounts.authentication.TokenAuthentication",
        "agentflow.accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "agentflow.accounts.permissions.TokenScope",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["agentflow.api.throttling.CallerThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["agentflow.api.rendering.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["agentflow.api.rendering.OrjsonParser"],
    "DEFAULT_PAGINATION_CLASS": "agentflow.api.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "agentflow.api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "agentflow.api.handler.exception_handler",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["agentflow.api.rendering.OrjsonRenderer"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "agentflow",
    "DESCRIPTION": "Draw, run and watch graphs of blocks.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ExecutionStatus": "executions.api.serializers.EXECUTION_STATUSES",
        "NodeStatus": "executions.api.serializers.NODE_STATUSES",
        "NotificationKind": "agentflow.notifications.api.serializers.KINDS",
        "ChosenKind": "agentflow.notifications.kinds.CHOICES",
        "SendingState": "agentflow.notifications.api.serializers.SENDING_STATES",
        "HookStatus": "agentflow.notifications.api.serializers.STATUSES",
        "ApprovalKind": "executions.api.serializers.APPROVAL_KINDS",
        "ApprovalState": "executions.api.serializers.APPROVAL_STATES",
        "CredentialKind": "agentflow.credentials.kinds.KIND_IDS",
    },
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
#: Wrong passwords are counted in the database, for all web processes: ten for one name from one address, then a pause
#: of five minutes. Never by name alone: a stranger could lock somebody out from everywhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=5)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # the audit log has it
AXES_HTTP_RESPONSE_CODE = 429
AXES_LOCKOUT_CALLABLE = "agentflow.accounts.views.slow_down"
AXES_VERBOSE = False
PASSWORD_RESET_TIMEOUT = 24 * 3_600
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL

#: Signing in by OpenID Connect; without an issuer nothing of it is loaded.
OIDC_ISSUER = env.text("OIDC_ISSUER").rstrip("/")
OIDC_NAME = env.text("OIDC_NAME", "single sign-on")
#: Origins of its login pages: browsers send forms only to addresses that we name.
OIDC_ORIGINS = env.words(
    "OIDC_ORIGINS", f"{urlsplit(OIDC_ISSUER).scheme}://{urlsplit(OIDC_ISSUER).netloc}" if OIDC_ISSUER else ""
)
#: Whether people whom the provider knows and we do not get an account.
OIDC_SIGN_UP = env.flag("OIDC_SIGN_UP", default=True)
if OIDC_ISSUER:
    INSTALLED_APPS += [
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ]
    MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
    SOCIALACCOUNT_ADAPTER = "agentflow.accounts.oidc_adapter.Adapter"
    SOCIALACCOUNT_EMAIL_VERIFICATION = ACCOUNT_EMAIL_VERIFICATION = "none"
    ACCOUNT_UNIQUE_EMAIL = False
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": OIDC_NAME,
                    "client_id": env.required("OIDC_CLIENT_ID"),
                    "secret": env.text("OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": OIDC_ISSUER},
                }
            ],
        }
    }

#: Where mail goes: smtp://, smtp+starttls:// or smtps://user:password@host:port. Without it none is sent.
EMAIL = env.mail_server("EMAIL_URL")
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = EMAIL.host, EMAIL.port, EMAIL.user, EMAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL.security == "starttls", EMAIL.security == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", "agentflow@localhost")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [
    ("canvas", BASE_DIR / "static" / "dist"),
    ("img", BASE_DIR / "static" / "img"),
    ("css", BASE_DIR / "static" / "css"),
]
STORAGES = {
    "default": {"BACKEND": "executions.storage.WholeFileStorage", "OPTIONS": {"location": DATA_DIR / "blobs"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF, *OIDC_ORIGINS],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
#: Behind TLS set SECURE=1: secure cookies, HSTS, a redirect to https and a trusted forwarded scheme.
SECURE = env.flag("SECURE")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_SSL_REDIRECT = SECURE
#: Prometheus asks processes, not the proxy; health checks are answered before.
SECURE_REDIRECT_EXEMPT = [r"^metrics/?$"]
#: W005 and W021 ask to bind other names of the domain as well: that is for whoever owns it to say, in the proxy.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("MAX_BODY_BYTES", 10_000_000, minimum=1_000)

#: Where people reach this installation: what mails and other messages link to.
PUBLIC_URL = env.text("AGENTFLOW_URL", f"http://{env.text('HOST', '127.0.0.1')}:{env.text('PORT', '8000')}")
#: Requests a second that one user may make to the API of one web process in the long run; ten times as many at once.
API_RATE = env.number("AGENTFLOW_API_RATE", 100, minimum=0.1)
#: Steps that cost something need credits: balances of users and groups, reserved before and taken after.
CREDITS = env.flag("AGENTFLOW_CREDITS")
#: Private hosts (names, addresses, networks, each with an optional :port) that blocks may reach.
HTTP_ALLOW = env.words("AGENTFLOW_HTTP_ALLOW")
#: Longest silence of the database that a web process or a worker bears before it takes the connection for dead.
DATABASE_SECONDS = env.number("AGENTFLOW_DATABASE_SECONDS", 8, minimum=1)
#: Database connections that the requests of one web process share.
WEB_CONNECTIONS = env.integer("AGENTFLOW_WEB_CONNECTIONS", 20, minimum=2)
#: Where traces go, without `/v1/traces`; OpenTelemetry's own variables do as well.
OTLP_ENDPOINT = env.text("AGENTFLOW_OTLP_ENDPOINT")
#: Executions that one hosting worker advances at once.
WORKER_SLOTS = env.integer("AGENTFLOW_WORKER_SLOTS", 1_000, minimum=1)
#: Executions of one graph, and of one user, that run at once unless the graph or the user has a limit; 0: no limit.
GRAPH_EXECUTIONS = env.integer("AGENTFLOW_GRAPH_EXECUTIONS", 0)
USER_EXECUTIONS = env.integer("AGENTFLOW_USER_EXECUTIONS", 0)
#: Node executions of one execution that run at once.
EXECUTION_CONCURRENCY = env.integer("AGENTFLOW_EXECUTION_CONCURRENCY", 100, minimum=1)
#: A worker's lease and how often it is renewed, in seconds by the database's clock (DESIGN §5.3).
LEASE_SECONDS = env.number("AGENTFLOW_LEASE_SECONDS", 8, minimum=0.5)
LEASE_RENEW_SECONDS = env.number("AGENTFLOW_LEASE_RENEW_SECONDS", 2, minimum=0.1)
#: How often a worker looks for due work in the database, in seconds.
SWEEP_SECONDS = env.number("AGENTFLOW_SWEEP_SECONDS", 1, minimum=0.05)
#: Isolated nodes that one `nodes` worker runs at once, each in a process of its own; as many as this machine has cores.
NODE_PROCESSES = env.integer("AGENTFLOW_NODE_PROCESSES", env.usable_cores(), minimum=1)
#: Isolated nodes that one process runs before another one takes its place.
NODE_PROCESS_RUNS = env.integer("AGENTFLOW_NODE_PROCESS_RUNS", 100, minimum=1)
#: Memory that the process of an isolated node may take.
NODE_MEMORY_BYTES = env.integer("AGENTFLOW_NODE_MEMORY_BYTES", 2 * 1024**3, minimum=64 * 1024**2)
#: Values above this many bytes are stored as blobs.
INLINE_VALUE_BYTES = 32_768
#: Largest value that a port may carry, in bytes of JSON.
MAX_VALUE_BYTES = env.integer("AGENTFLOW_MAX_VALUE_BYTES", 64_000_000, minimum=1_000)
#: Days after which the audit log forgets; the database lets nobody delete what is younger than 30.
AUDIT_DAYS = env.integer("AGENTFLOW_AUDIT_DAYS", 730, minimum=30)
#: Days and executions of a graph's history that are kept unless the graph says otherwise; 0: all.
KEEP_DAYS = env.integer("AGENTFLOW_KEEP_DAYS", 0)
KEEP_EXECUTIONS = env.integer("AGENTFLOW_KEEP_EXECUTIONS", 0)
#: Backups made before a migration or a restore that are kept; 0: none is made before a migration.
BACKUPS_KEPT = env.integer("AGENTFLOW_BACKUPS_KEPT", 5)
#: Modules with further blocks, besides the entry points `agentflow.blocks`.
BLOCK_MODULES = env.words("AGENTFLOW_BLOCK_MODULES")

#: Lines for people or as JSON; `auto`: for people on a terminal.
LOG_FORMAT = env.choice("AGENTFLOW_LOG_FORMAT", *logs.FORMATS)
LOGGING = logs.configuration(level=env.text("LOG_LEVEL", "INFO").upper(), kind=LOG_FORMAT)
