"""All settings, read from the environment only (`.env.example` explains each variable).

Nothing here has a default that is unsafe in production: without DEBUG or DEMO the process refuses to
start on a default secret key or plain-text session cookies, or to work as a database role that may too much
(`audit/checks.py`).
"""

import datetime as dt
from pathlib import Path
from typing import Any

import environ
import structlog
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

GENBA_VERSION = "0.1.0"
BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()  # NAME_FILE works for every NAME: secrets come from files in containers

# --- Mode -----------------------------------------------------------------------------------------
MODE = env.str("GENBA_MODE", "production")  # production | demo | test
if MODE not in {"production", "demo", "test"}:
    raise ImproperlyConfigured("GENBA_MODE is production, demo or test")
DEMO = MODE == "demo"
PRODUCTION = MODE == "production"
DEBUG = env.bool("DEBUG", False)

INSECURE_SECRET_KEY = "insecure-demo-key-never-used-in-production-0123456789abcdefghijklm"  # noqa: S105 refused below
SECRET_KEY = env.str("SECRET_KEY", INSECURE_SECRET_KEY)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # former keys, so that nobody enrols anew
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]", "testserver"]
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

HTTPS = env.bool("HTTPS", PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS and env.bool("HTTPS_REDIRECT", True)
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", 12) * 3600

if PRODUCTION:
    unsafe = [
        reason
        for reason, present in {
            "SECRET_KEY is the default or shorter than 50 characters": SECRET_KEY == INSECURE_SECRET_KEY
            or len(SECRET_KEY) < 50,
            "DEBUG is on": DEBUG,
            "HTTPS is off, so session cookies would travel as plain text": not HTTPS,
        }.items()
        if present
    ]
    if unsafe:
        raise ImproperlyConfigured("Refusing to start in production mode: " + "; ".join(unsafe))

# --- Apps -----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "simple_history",
    "django_htmx",
    "django_celery_beat",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "audit",
    "accounts",
    "mfg_project.common",
    "equipment",
    "telemetry",
    "inventory",
    "production",
    "quality",
    "mfg_project.validation",
]
if not PRODUCTION:
    INSTALLED_APPS.append("mfg_project.demo")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "mfg_project.common.middleware.AdminCspMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.CurrentSessionMiddleware",
    "audit.middleware.AuditContextMiddleware",
    "accounts.middleware.PasswordDueMiddleware",
    "mfg_project.common.middleware.PlantTimeMiddleware",
]

ROOT_URLCONF = "mfg_project.urls"
WSGI_APPLICATION = "mfg_project.wsgi.application"
ASGI_APPLICATION = "mfg_project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mfg_project.common.context.shell",
            ],
        },
    },
]

# --- Data -----------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgresql://genba@127.0.0.1:5432/genba")}
DATABASES["default"]["ENGINE"] = "audit.database"
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {
        "application_name": env.str("APPLICATION_NAME", "genba-web"),
        "connect_timeout": 5,
        # Until reconnect_timeout the pool doubles its pauses; after a long outage it would pause for minutes.
        "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL", 8), "timeout": 3, "reconnect_timeout": 5},
    }
)
if MODE == "test":  # a pool would keep connections open that DROP DATABASE and the flush of a test have to end
    del DATABASES["default"]["OPTIONS"]["pool"]
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# The sealer is a role and a key of its own, told to the process that seals (a worker) and to nobody else.
DATABASE_SEALER_URL = env.str("DATABASE_SEALER_URL", "")
JOURNAL_KEY = env.str("JOURNAL_KEY", "")
JOURNAL_ORIGIN = env.str("JOURNAL_ORIGIN", "genba.local/journal")
JOURNAL_WITNESS_FILES = env.list("JOURNAL_WITNESS_FILES", default=[])
JOURNAL_ARCHIVE_DIR = env.str("JOURNAL_ARCHIVE_DIR", "")  # where archived months of the journal are read again
JOURNAL_WITNESS_EMAILS = env.list("JOURNAL_WITNESS_EMAILS", default=["quality@genba.example"] if DEMO else [])
JOURNAL_WITNESS_EMAIL_AT = dt.time.fromisoformat(env.str("JOURNAL_WITNESS_EMAIL_AT", "05:00"))  # UTC, every day
JOURNAL_TSA_URL = env.str("JOURNAL_TSA_URL", "")  # "": no time stamping authority is asked
JOURNAL_TSA_CERTIFICATE = env.str("JOURNAL_TSA_CERTIFICATE", "")  # PEM file whose certificates its tokens must lead to
TELEMETRY_ARCHIVE_DIR = env.str("TELEMETRY_ARCHIVE_DIR", "")  # "": readings stay in the database for ever
TELEMETRY_RAW_DAYS = env.int("TELEMETRY_RAW_DAYS", 90)  # so long every reading stays in the database beside its file
TRAIL_REVIEW_DAYS = env.int("TRAIL_REVIEW_DAYS", 30)  # so old may the end of the last review of the trail be
SIGNATURE_SEAL_WAIT = env.float("SIGNATURE_SEAL_WAIT", 2.0)  # seconds a signer waits for the seal; then it is pending
DATABASE_OWNER_URL = env.str("DATABASE_OWNER_URL", "")  # for `manage.py migrate` only: the role that owns the tables

REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # A socket waits for messages in reads of 5 s; redis-py's own limit is 5 s too and would cut each one off.
            "hosts": [{"address": REDIS_URL, "socket_timeout": 15, "socket_connect_timeout": 2}],
            "prefix": env.str("CHANNEL_PREFIX", "genba"),
        },
    }
}
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": env.str("CHANNEL_PREFIX", "genba") + ":"}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ROUTES = {"audit.seal": {"queue": "seal"}}  # only a worker that was told the sealer's secrets serves it
CELERY_TASK_ACKS_LATE = True  # tasks are safe to run twice; a killed worker must not lose one
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "mfg_project.beat:Scheduler"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- Who may enter --------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "accounts:login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.validators.PasswordHistoryValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.validators.BreachedPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 24 * 3600
PASSWORD_HISTORY = env.int("PASSWORD_HISTORY", 5)  # so many passwords before the present one do not come back
PASSWORD_MAX_DAYS = env.int("PASSWORD_MAX_DAYS", 365 if PRODUCTION else 0)  # 0: passwords do not grow old
DORMANT_DAYS = env.int("DORMANT_DAYS", 90 if PRODUCTION else 0)  # 0: unused accounts stay active
LOCKOUT_FAILURES = env.int("LOCKOUT_FAILURES", 5)  # wrong passwords, signing in and signing together …
LOCKOUT_MINUTES = env.int("LOCKOUT_MINUTES", 15)  # … within so many minutes lock an account
SIGNING_IDLE_MINUTES = env.int("SIGNING_IDLE_MINUTES", 10)  # a series of signatures ends when none comes for so long …
SIGNING_WINDOW_MINUTES = env.int("SIGNING_WINDOW_MINUTES", 60)  # … and so long after it began
BREACHED_PASSWORDS_FILE = env.str("BREACHED_PASSWORDS_FILE", "")  # a longer list than Django's own
SIGNING_TOTP_ROLES = env.list("SIGNING_TOTP_ROLES", default=[])  # roles that sign with an authenticator app besides

# Single sign-on with OpenID Connect: off without an issuer.
OIDC_ISSUER = env.str("OIDC_ISSUER", "")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", "")
OIDC_CA_CERTIFICATES = env.str("OIDC_CA_CERTIFICATES", "")
OIDC_NAME = env.str("OIDC_NAME", "SSO")  # how people call the provider; on buttons
OIDC_USERNAME_CLAIM = env.str("OIDC_USERNAME_CLAIM", "preferred_username")
if OIDC_ISSUER and not OIDC_CLIENT_ID:
    raise ImproperlyConfigured("OIDC_ISSUER is set, OIDC_CLIENT_ID is not")
if PRODUCTION and OIDC_ISSUER and not OIDC_ISSUER.startswith("https://"):
    raise ImproperlyConfigured("OIDC_ISSUER has to be an https:// address in production mode")

SIMPLE_HISTORY_REVERT_DISABLED = True  # going back is a new, attributable change

# --- E-mail: who is told what cannot wait -----------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="smtp://127.0.0.1:25" if PRODUCTION else "consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("EMAIL_FROM", "genba@localhost")
_DEMO_EMAILS = ["security@genba.example"] if DEMO else []
SECURITY_EMAILS = env.list("SECURITY_EMAILS", default=_DEMO_EMAILS)
SECURITY_ESCALATION_EMAILS = env.list("SECURITY_ESCALATION_EMAILS", default=_DEMO_EMAILS)
PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000")  # how links in messages begin

# --- Language and time ----------------------------------------------------------------------------
LANGUAGE_CODE = env.str("LANGUAGE_CODE", "en")
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
FORMAT_MODULE_PATH = "mfg_project.locale_formats"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"  # storage and logs; pages show plant time, which is a field of the Site

# --- Files ----------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # a larger body is refused before it is parsed
BUNDLE_MAX_BYTES = 256 * 1024 * 1024  # of an export that is sent in to be verified; it is kept on disk

# --- Content security: no inline script, nothing from other hosts -----------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
# django-unfold's pages use Alpine (evaluates expressions) and inline styles; only /admin/ gets this.
ADMIN_CSP_UPDATE = {"script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]}

# --- API ------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["mfg_project.common.api.HasModelPermission"],
    "DEFAULT_PAGINATION_CLASS": "mfg_project.common.api.Pagination",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "mfg_project.common.api.Ordering",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["mfg_project.common.api.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "6000/min", "token": "10/min"},  # per process and user or address
    "NUM_PROXIES": int(env.bool("BEHIND_PROXY", False)),  # else anybody could name another address as his own
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "mfg_project.common.api.problem_details",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": dt.timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": dt.timedelta(hours=12),
    "ROTATE_REFRESH_TOKENS": True,
    "USER_AUTHENTICATION_RULE": "accounts.backends.may_have_token",
    "TOKEN_OBTAIN_SERIALIZER": "accounts.token_serializer.TokenSerializer",
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends every token
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Genba API",
    "DESCRIPTION": "Orders, lines, counts, checks and key figures of one plant. Moments are in UTC.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_NAME_OVERRIDES": {
        "WorkOrderStatusEnum": "production.enums.WorkOrderStatus",
        "JobOrderStatusEnum": "production.enums.JobOrderStatus",
        "LineStateEnum": "equipment.enums.LineState",
        "StateSourceEnum": "equipment.enums.StateSource",
        "VerdictEnum": "quality.enums.Verdict",
        "VerificationVerdictEnum": "audit.models.verification.Verdict",
        "SignatureMeaningEnum": "audit.signatures.Meaning",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "mfg_project.common.schema.describe_problems",
    ],
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# The blue of --link in static/css/tokens.css, from light to dark: colour stays information here as well.
ADMIN_PRIMARY = {
    "50": "#e8f0fb",
    "100": "#d3e2f7",
    "200": "#a9c4e8",
    "300": "#86b7ff",
    "400": "#5b94dd",
    "500": "#3d7bcb",
    "600": "#1a56a8",
    "700": "#174b92",
    "800": "#13407c",
    "900": "#10355f",
    "950": "#0b2443",
}
UNFOLD = {
    "SITE_TITLE": "Genba",
    "SITE_HEADER": "Genba 現場",
    "SITE_SUBHEADER": "mfg_project.admin_site.site_subheader",
    "SITE_SYMBOL": "precision_manufacturing",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "mfg_project.admin_site.favicon"}],
    "STYLES": ["mfg_project.admin_site.stylesheet"],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "4px",
    "COLORS": {"primary": ADMIN_PRIMARY},
    "ACCOUNT": {"navigation": "mfg_project.admin_site.account_links"},
    "DASHBOARD_CALLBACK": "mfg_project.admin_site.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "mfg_project.admin_site.navigation"},
}

# --- Logs: JSON lines in production, readable ones elsewhere -------------------------------------------
_pre_chain: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
structlog.configure(
    processors=[*_pre_chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _pre_chain,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer() if PRODUCTION else structlog.dev.ConsoleRenderer(colors=False),
            ],
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
}
