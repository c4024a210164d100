"""The settings: read once, here, through typed readers; the limits stand in `limits.py`.

`CONCORDAT_MODE=local` is one machine serving itself, as `./concordat` starts it; anything else is production.
"""

from __future__ import annotations

import dj_database_url
from csp.constants import NONE, SELF
from django.conf.locale import LANG_INFO

from annotation.config import checks, env, local, logs
from annotation.config.limits import *  # noqa: F403  (every limit is a setting)

ROOT = local.ROOT
LOCAL = env.one_of("CONCORDAT_MODE", "production", "production", "local") == "local"
DEBUG = env.flag("DEBUG", False)
HOME = env.folder("CONCORDAT_HOME", local.DEFAULT_HOME)

SECRET_KEY = env.text("SECRET_KEY", default=(lambda: local.secret_key(HOME)) if LOCAL else None)
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if LOCAL else "")
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "annotation",
    "workforce",
    "specs",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
    "pgtrigger",
    "csp",
    "django_htmx",
    "django_structlog",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "specs.middleware.NoStoreMiddleware",
    "specs.middleware.ShortWayMiddleware",
    # From here on, pages only.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "specs.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "specs.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "specs.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "annotation.config.urls"
WSGI_APPLICATION = "annotation.config.wsgi.application"
ASGI_APPLICATION = "annotation.config.asgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# PostgreSQL, in one of two roles: the owner migrates, the application's role works. They are one if only one is named.
_APP_DATABASE_URL = env.address("DATABASE_URL", "postgresql", "postgres")
_OWNER_DATABASE_URL = env.address("OWNER_DATABASE_URL", "postgresql", "postgres", default=_APP_DATABASE_URL)
DATABASE_ROLE = env.one_of("CONCORDAT_DB_ROLE", "app", "app", "owner")
DATABASE_URL = _OWNER_DATABASE_URL if DATABASE_ROLE == "owner" else _APP_DATABASE_URL
DATABASE_APP_ROLE = dj_database_url.parse(_APP_DATABASE_URL).get("USER") or "concordat_app"
DATABASE_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "timezone": "UTC",
        # Milliseconds. The web processes set both variables, everything else may take its time.
        "statement_timeout": env.number("STATEMENT_TIMEOUT_SECONDS", 0, high=86_400) * 1000,
        "idle_in_transaction_session_timeout": env.number("IDLE_TRANSACTION_TIMEOUT_SECONDS", 0, high=86_400)
        * 1000,
        # A statement that is prepared is planned once. Their texts are written so that one plan fits all parameters.
        "plan_cache_mode": "force_generic_plan",
    }.items()
)
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, engine=checks.POSTGRESQL)}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {
        "options": DATABASE_OPTIONS,
        "prepare_threshold": 0 if env.flag("PREPARE_STATEMENTS", True) else None,
        "pool": {
            "min_size": 1,
            "max_size": env.number("DATABASE_POOL_SIZE", 10, low=1, high=200),
            "timeout": env.number("DATABASE_POOL_TIMEOUT_SECONDS", 10, low=1),
        },
    }
)
# Where `pg_dump` and its like are, if not on PATH, in the distribution's folder or in the wheel.
POSTGRES_PROGRAMS = env.text("CONCORDAT_PG_BIN", "")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis is the broker and a cache: it may vanish at any moment.
REDIS_URL = env.address("REDIS_URL", "redis", "rediss", "unix")
CACHES = {"default": {"BACKEND": "annotation.config.cache.ForgivingCache", "LOCATION": REDIS_URL}}
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A request that wants background work must not wait for a broker that is down: the job's row is there.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 30}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.2}
CELERY_TIMEZONE = "UTC"

# Log-in: allauth, by user name or e-mail, no open sign-up.
AUTHENTICATION_BACKENDS = ["specs.log_in.LogIn"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "specs.accounts.ClosedAccountAdapter"
SIGN_UP_OPEN = env.flag("SIGN_UP_OPEN", False)
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {
    "login": f"{env.number('LOGINS_PER_MINUTE', 600 if LOCAL else 30, low=1)}/m/ip",
    "login_failed": "10/5m/ip,5/5m/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXIES", 0, high=10)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are not verified here: whoever has an account was given it
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL
SOCIALACCOUNT_PROVIDERS: dict[str, object] = {}
EMAIL_BACKEND = f"django.core.mail.backends.{'console' if LOCAL else 'smtp'}.EmailBackend"

# The browser's fences.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "img-src": [SELF, "data:"],
    }
}
INSECURE_COOKIES = env.flag("INSECURE_COOKIES", LOCAL)
CSRF_FAILURE_VIEW = "annotation.config.errors.forged"
SESSION_ENGINE = "specs.session_store"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not INSECURE_COOKIES
SESSION_COOKIE_NAME = "concordat-session" if INSECURE_COOKIES else "__Host-session"
CSRF_COOKIE_NAME = "concordat-csrf" if INSECURE_COOKIES else "__Host-csrf"
SECURE_SSL_REDIRECT = not LOCAL
SECURE_REDIRECT_EXEMPT = [
    r"^healthz$",
    r"^readyz$",
    r"^metrics$",
]  # asked by the machine's own probes, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_TLS_PROXY", False) else None
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en"
_NAMES = {code: info["name_local"] for code, info in LANG_INFO.items() if "name_local" in info}
LANGUAGES = [(code, _NAMES[code]) for code in env.some_of("LANGUAGES", ["en", "de"], *_NAMES)]
LANGUAGE_COOKIE_NAME = "concordat-language"
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not INSECURE_COOKIES
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
STATIC_ROOT = env.folder("STATIC_ROOT", HOME / "static")
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
STORE_ROOT = env.folder("STORE_ROOT", HOME / "store")
# An S3-compatible bucket in place of the folder; without an endpoint Amazon's, without keys with the machine's credentials.
STORE_BUCKET = env.text("STORE_BUCKET", "")
STORE_ENDPOINT = env.address("STORE_ENDPOINT", "https", "http", default="")
STORE_REGION = env.text("STORE_REGION", "")
STORE_PREFIX = env.text("STORE_PREFIX", "")
STORE_ACCESS_KEY, STORE_SECRET_KEY = env.text("STORE_ACCESS_KEY", ""), env.text("STORE_SECRET_KEY", "")
STORE_ADDRESSING = env.one_of("STORE_ADDRESSING", "auto", "auto", "path", "virtual")
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# The API: tokens only, and a policy per verb.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["specs.api.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["specs.api.auth.PolicyPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["specs.api.parsers.StrictJSONParser"],
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS tells nothing: the schema does
    "URL_FORMAT_OVERRIDE": None,  # what is wanted is said by Accept alone
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "specs.api.problems.handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Concordat",
    "DESCRIPTION": "Specs of numbered clauses, queues, answers, disputes, agreement and snapshots. "
    "Every refusal is a problem document (RFC 9457).",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "specs.api.schema.everywhere"],
    "SORT_OPERATION_PARAMETERS": False,
    "ENUM_NAME_OVERRIDES": {
        "VersionState": "specs.models.VersionState",
        "MemberState": "specs.models.MemberState",
        "JobState": "specs.models.JobState",
        "MemberRole": "specs.models.Role",
        "QueueState": "workforce.models.QueueState",
        "QueueOrder": "workforce.models.Order",
        "QueueCiting": "workforce.models.Citing",
        "DisputeState": "annotation.models.DISPUTE_STATES",
        "PlanState": "annotation.models.PlanState",
        "BulkKind": "annotation.models.BulkKind",
        "BulkState": "annotation.models.BulkState",
        "AlertState": "workforce.models.AlertState",
        "DeliveryState": "specs.models.DeliveryState",
        "SnapshotState": "annotation.models.SnapshotState",
        "ChangeClass": "specs.models.ChangeClass",
        "ProposalState": "specs.models.ProposalState",
        "CanaryState": "workforce.models.CanaryState",
        "PilotState": "annotation.models.PilotState",
        "PilotAsks": "annotation.models.Asks",
        "InProgress": "workforce.models.InProgress",
        "SkipReason": "workforce.models.SkipReason",
        "DisputeReason": "annotation.models.DisputeReason",
        "IssueState": "annotation.models.IssueState",
        "SessionState": "annotation.models.SessionState",
        "ResampleKind": "annotation.models.ResampleKind",
        "AppealKind": "annotation.models.AppealKind",
        "AppealOutcome": "annotation.models.AppealOutcome",
        "Speaker": "annotation.models.Speaker",
        "ReviewScope": "workforce.models.ReviewScope",
        "ReviewVerdict": "annotation.models.ReviewVerdict",
        "QueueRule": "workforce.models.Rule",
        "SnapshotRule": "annotation.export_terms.RULES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

METRICS_TOKEN = env.text("METRICS_TOKEN", "")
LOGGING = logs.configure(
    env.one_of("LOG_LEVEL", "INFO", "DEBUG", "INFO", "WARNING", "ERROR"),
    env.one_of("LOG_FORMAT", "line", "line", "json"),
)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

checks.refuse_unsafe(
    local=LOCAL,
    debug=DEBUG,
    secret_key=SECRET_KEY,
    hosts=ALLOWED_HOSTS,
    secure_cookies=SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE,
    database_engine=str(DATABASES["default"]["ENGINE"]),
    database_urls=[_APP_DATABASE_URL, _OWNER_DATABASE_URL],
    embedded=env.one_of("CONCORDAT_ENGINES", "external", "external", "embedded") == "embedded",
    embedded_allowed=env.one_of("CONCORDAT_EMBEDDED", "refuse", "refuse", "allow") == "allow",
    bucket=STORE_BUCKET,
    bucket_keys=(STORE_ACCESS_KEY, STORE_SECRET_KEY),
    metrics_token=METRICS_TOKEN,
)
