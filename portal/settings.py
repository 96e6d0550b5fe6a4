"""Every setting, read once from the environment; safe for development, refused by checks in production.

Values come, first found first, from the real environment, `PORTAL_HOME/run/services.env`
(the running embedded parts), `PORTAL_HOME/secrets.env` and `.env` in the checkout.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.urls import reverse_lazy

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
PORTAL_HOME = Path(env.str("PORTAL_HOME", default=str(BASE_DIR / "var"))).resolve()
for _file in (PORTAL_HOME / "run" / "services.env", PORTAL_HOME / "secrets.env", BASE_DIR / ".env"):
    if _file.is_file():
        env.read_env(str(_file))

# -- The organisation and the site ---------------------------------------------------------
SITE_NAME = env.str("SITE_NAME", default="Open Weights Portal")
ORGANISATION_NAME = env.str("ORGANISATION_NAME", default="Open Weights")
PORTAL_URL = env.str("PORTAL_URL", default="http://127.0.0.1:8000").rstrip("/")

# -- Core ----------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
# The development values are refused by `check --deploy` (portal.common.checks).
SECRET_KEY = env.str("SECRET_KEY", default="insecure-development-key")
KEY_PEPPER = env.str("KEY_PEPPER", default="insecure-development-pepper")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Addresses of proxies whose X-Forwarded-For is believed; empty means the peer's own address counts.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "csp",
    "django_celery_beat",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "template_partials",
    "portal.common",
    "portal.ledger",
    "portal.accounts",
    "portal.licensing",
    "portal.releases",
    "portal.admissions",
    "portal.events",
    "portal.access",
    "portal.keys",
    "portal.hub",
    "playground",
    "portal.console",
    "portal.local",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.common.csp.PolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.common.errors.RefusalMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.common.context.site",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# -- Data ----------------------------------------------------------------------------------
# Without a database every command that needs one says how to get one (portal.common.checks).
DATABASE_URL = env.str("DATABASE_URL", default="")
DATABASES: dict[str, Any] = {
    "default": env.db_url_config(DATABASE_URL or "postgres:///portal") | {"CONN_HEALTH_CHECKS": True}
}
DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
    "min_size": 1,
    "max_size": env.int("DATABASE_POOL_MAX", default=16),
    "timeout": 10,
}
# What `portal.common.prepared` asks is planned once a connection; None where a pooler between forgets that.
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = (
    5 if env.bool("DATABASE_PREPARED_STATEMENTS", default=True) else None
)
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
    }
}
SESSION_ENGINE = "portal.accounts.session_store"
SESSION_COOKIE_NAME = "portal_session"
SESSION_COOKIE_AGE = 14 * 24 * 3600

# -- Celery --------------------------------------------------------------------------------
CELERY_BROKER_URL = (
    REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
# A visibility timeout above the longest task, else a slow task is delivered twice.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600, "max_connections": 600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "playground.tasks.generate": {"queue": "inference"},
    "playground.tasks.send_generations": {"queue": "inference"},
    # A queue of its own with few threads behind it, so that people's prompts come first.
    "playground.tasks.run_batch": {"queue": "batch"},
    "playground.tasks.run_evaluation": {"queue": "batch"},
}
CELERY_TASK_TIME_LIMIT = None  # The thread pool cannot kill; each task bounds its own calls.
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Our log lines go to standard output, which Celery would otherwise log a second time.
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    # Playground: readiness of the model server, and generations that nobody works on any more.
    "probe-model": {"task": "playground.tasks.probe_model", "schedule": timedelta(seconds=3)},
    "sweep-generations": {
        "task": "playground.tasks.sweep_generations",
        "schedule": timedelta(seconds=15),
    },
    # Conversations that are not kept, or not for longer.
    "sweep-conversations": {
        "task": "playground.tasks.sweep_conversations",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    # Batches: those whose worker died or whose task was lost, and files that are over.
    "sweep-batches": {
        "task": "playground.tasks.sweep_batches",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    # Evaluations whose worker died or whose task was lost.
    "sweep-evaluations": {
        "task": "playground.tasks.sweep_evaluations",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    # Regression cases, asked of every revision that came to be served since.
    "start-regressions": {
        "task": "playground.tasks.start_regressions",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "remove-old-files": {
        "task": "playground.tasks.remove_old_files",
        "schedule": timedelta(hours=1),
        "options": {"expires": 600},
    },
    # Usage: one task adds up all that has come, so those that queued up behind a stopped worker may go.
    "record-usage": {
        "task": "portal.keys.tasks.record_usage",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 10},
    },
    "alert-of-usage": {
        "task": "portal.keys.tasks.alert_of_usage",
        "schedule": timedelta(seconds=30),
        "options": {"expires": 30},
    },
    "sweep-device-logins": {
        "task": "portal.keys.tasks.sweep_device_logins",
        "schedule": timedelta(hours=1),
    },
    # Decisions on many applications whose worker was killed.
    "resume-bulk-decisions": {
        "task": "portal.admissions.tasks.resume_bulk_decisions",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 15},
    },
    # Waves whose time has come, and those whose worker was killed.
    "release-due-waves": {
        "task": "portal.admissions.wave_tasks.release_due_waves",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 15},
    },
    # What changed beside those that wait: other applications, and the settings of the signals.
    "refresh-signals": {
        "task": "portal.admissions.rule_tasks.refresh_signals",
        "schedule": timedelta(hours=1),
        "options": {"expires": 600},
    },
    # Rules that a lost task has left undone, and runs whose worker was killed.
    "resume-rules": {
        "task": "portal.admissions.rule_tasks.resume_rules",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 15},
    },
    # Imports whose worker was killed: the broker itself would give their task back only after hours.
    "resume-imports": {"task": "portal.releases.tasks.resume_imports", "schedule": timedelta(seconds=30)},
    # Revisions that were frozen before there was a key, or whose task was lost.
    "sign-revisions": {
        "task": "portal.releases.integrity_tasks.sign_unsigned",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 60},
    },
    # Revisions that were frozen before there were measurements, or whose task was lost.
    "measure-revisions": {
        "task": "portal.releases.cards.tasks.measure_unmeasured",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 60},
    },
    # The quiet hours (UTC). Each run reads for a few minutes, until the night's bytes are read.
    "scrub-weights": {
        "task": "portal.releases.integrity_tasks.scrub_tonight",
        "schedule": crontab(minute="*/5", hour="1-5"),
        "options": {"expires": 60},
    },
    # Downloads: into the reports' sums, ended where their server was killed, and mails to holders gone on with.
    "count-downloads": {
        "task": "portal.hub.tasks.count_downloads",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 15},
    },
    "end-silent-downloads": {
        "task": "portal.hub.tasks.end_silent_downloads",
        "schedule": timedelta(seconds=20),
        "options": {"expires": 20},
    },
    "resume-mailings": {"task": "portal.hub.tasks.resume_mailings", "schedule": timedelta(seconds=30)},
    # Mails of new versions that no worker has sent, and reminders while the days of grace run out.
    "send-licence-notices": {
        "task": "portal.licensing.tasks.send_notices",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "remind-of-sign-offs": {
        "task": "portal.releases.safety.reminding.remind_of_sign_offs",
        "schedule": timedelta(hours=1),
        "options": {"expires": 3000},
    },
    "remind-of-licences": {
        "task": "portal.licensing.tasks.remind_of_grace",
        "schedule": timedelta(minutes=15),
        "options": {"expires": 600},
    },
    "clear-sessions": {"task": "portal.accounts.tasks.clear_sessions", "schedule": timedelta(days=1)},
}

# -- The model server ----------------------------------------------------------------------
VLLM_BASE_URL = env.str("VLLM_BASE_URL", default="").rstrip("/")
VLLM_API_KEY = env.str("VLLM_API_KEY", default="")
VLLM_CONNECT_TIMEOUT_SECONDS = 5
# Between two tokens; a busy CPU needs long for the first one.
VLLM_READ_TIMEOUT_SECONDS = env.int("VLLM_READ_TIMEOUT_SECONDS", default=120)
# Answers of the playground that one model server writes at a time; more wait in a fair line. A server
# that writes more at once writes each of them slower. The inference workers need as many threads.
PLAYGROUND_RUNNING_MAX = env.int("PLAYGROUND_RUNNING_MAX", default=64)

# -- Applications --------------------------------------------------------------------------
# A reviewer who claims an application has it for so long; deciding on it or claiming again renews it.
REVIEW_CLAIM_MINUTES = env.int("REVIEW_CLAIM_MINUTES", default=60)
# Messages that an applicant may write about one application a day, so that nobody floods the reviewers.
APPLICANT_MESSAGES_PER_DAY = env.int("APPLICANT_MESSAGES_PER_DAY", default=10)
# Reports of misuse that one person may file within a day, and messages about one of them: a bad day has a dozen.
REPORTS_PER_DAY = env.int("REPORTS_PER_DAY", default=20)
REPORT_MESSAGES_PER_DAY = env.int("REPORT_MESSAGES_PER_DAY", default=10)
# Long enough for a holiday; whom it has expired for is invited again by a click.
TEAM_INVITATION_DAYS = env.int("TEAM_INVITATION_DAYS", default=14)
# So that nobody's mailbox is filled by a lead who clicks again and again.
TEAM_INVITATION_PAUSE_SECONDS = env.int("TEAM_INVITATION_PAUSE_SECONDS", default=600)
# -- Signals beside an application ---------------------------------------------------------
# Two-letter codes of countries that a reviewer is warned of; they decide nothing by themselves.
EMBARGOED_COUNTRIES = frozenset(code.upper() for code in env.list("EMBARGOED_COUNTRIES", default=[]))
# Throw-away mail domains beside those of the package disposable-email-domains.
DISPOSABLE_MAIL_DOMAINS = frozenset(
    domain.lower() for domain in env.list("DISPOSABLE_MAIL_DOMAINS", default=[])
)

# -- API keys and the gateway --------------------------------------------------------------
# Enough for every machine and project of one person; a leak of one then costs one.
LIVE_KEYS_PER_USER = env.int("LIVE_KEYS_PER_USER", default=20)
# A key that nobody has used for so long is flagged, so that its owner revokes it.
KEY_UNUSED_DAYS = env.int("KEY_UNUSED_DAYS", default=90)
# A key that `hf auth login` fetched; the client renews it when less than a day is left.
DEVICE_LOGIN_KEY_DAYS = env.int("DEVICE_LOGIN_KEY_DAYS", default=30)
# Where GitHub publishes the keys with which it signs its reports of leaked keys.
GITHUB_SCANNING_KEYS_URL = env.str(
    "GITHUB_SCANNING_KEYS_URL", default="https://api.github.com/meta/public_keys/secret_scanning"
)
# Per key: a loop gone wild is slowed down, a person at work never is.
GATEWAY_REQUESTS_PER_MINUTE = env.int("GATEWAY_REQUESTS_PER_MINUTE", default=600)
GATEWAY_CONCURRENT_REQUESTS = env.int("GATEWAY_CONCURRENT_REQUESTS", default=32)
# Per person, all keys together; 0 for none. A minute's is 32 requests that may each fill a context of
# 128k tokens, since what a request may come to is held back while it runs; a day's is fifty of them.
GATEWAY_TOKENS_PER_MINUTE = env.int("GATEWAY_TOKENS_PER_MINUTE", default=4_000_000)
GATEWAY_TOKENS_PER_DAY = env.int("GATEWAY_TOKENS_PER_DAY", default=200_000_000)
# What a request may come to where its model server does not tell the length of its context.
GATEWAY_CONTEXT_TOKENS = env.int("GATEWAY_CONTEXT_TOKENS", default=131_072)
# While Valkey, which counts, is away: `refuse` (503), or `allow` without limits until it is back.
GATEWAY_WHEN_VALKEY_IS_AWAY = env.str("GATEWAY_WHEN_VALKEY_IS_AWAY", default="refuse")
# A prompt of 128k tokens is about half a megabyte; the rest is room for pictures.
GATEWAY_BODY_BYTES_MAX = env.int("GATEWAY_BODY_BYTES_MAX", default=10 * 1024 * 1024)
# How many answers one request may ask for.
GATEWAY_N_MAX = env.int("GATEWAY_N_MAX", default=16)
# The hosts from which the model server may fetch pictures and the like; none: only data: URLs.
GATEWAY_MEDIA_DOMAINS = [host.lower() for host in env.list("GATEWAY_MEDIA_DOMAINS", default=[])]
GATEWAY_HEADER_BYTES_MAX = 32 * 1024
# Between two pieces of a request's body, against clients that send a byte a minute.
GATEWAY_BODY_TIMEOUT_SECONDS = env.int("GATEWAY_BODY_TIMEOUT_SECONDS", default=20)
# Until the first byte of an answer, which without a stream comes when all of it is written.
GATEWAY_ANSWER_TIMEOUT_SECONDS = env.int("GATEWAY_ANSWER_TIMEOUT_SECONDS", default=600)
# Requests that a process has with one model server at a time.
GATEWAY_CONNECTIONS_MAX = env.int("GATEWAY_CONNECTIONS_MAX", default=1024)
# Beyond it so many wait for their turn, so long at most; then they are told to come again (503).
GATEWAY_WAITING_MAX = env.int("GATEWAY_WAITING_MAX", default=256)
GATEWAY_WAITING_SECONDS = env.int("GATEWAY_WAITING_SECONDS", default=30)

# -- Batches -------------------------------------------------------------------------------
# Read and written by the web servers and by the batch workers: on several machines, a shared folder.
BATCH_ROOT = Path(env.str("BATCH_ROOT", default=str(PORTAL_HOME / "batches")))
# 50,000 prompts of 2 kB; what is larger is sent as several files.
BATCH_FILE_BYTES_MAX = env.int("BATCH_FILE_BYTES_MAX", default=100 * 1024**2)
# As many as OpenAI takes.
BATCH_LINES_MAX = env.int("BATCH_LINES_MAX", default=50_000)
# Per person or service account: ten of the largest files with their answers.
BATCH_BYTES_PER_PERSON = env.int("BATCH_BYTES_PER_PERSON", default=2 * 1024**3)
BATCHES_LIVE_PER_PERSON = env.int("BATCHES_LIVE_PER_PERSON", default=10)
# Prompts and answers are nobody's business for longer than they are needed.
BATCH_FILE_DAYS = env.int("BATCH_FILE_DAYS", default=30)
# Of one batch, at one time: enough to keep an engine's spare room busy, too few to crowd people out.
BATCH_LINES_AT_ONCE = env.int("BATCH_LINES_AT_ONCE", default=4)
# After so long a worker gives the next batch its turn.
BATCH_TURN_SECONDS = env.int("BATCH_TURN_SECONDS", default=30)

# -- Evaluations ---------------------------------------------------------------------------
# After so long a worker gives the next batch or evaluation its turn.
EVALUATION_TURN_SECONDS = env.int("EVALUATION_TURN_SECONDS", default=30)

# -- Weights -------------------------------------------------------------------------------
# Who moves the bytes: `portal` (this server itself), `nginx` (X-Accel-Redirect) or `bucket` (presigned links).
WEIGHTS_DELIVERY = env.str("WEIGHTS_DELIVERY", default="portal")
# What nginx writes of downloads (deploy/nginx.conf), as this machine sees it; empty where it carries none.
NGINX_DOWNLOAD_LOG = env.str("NGINX_DOWNLOAD_LOG", default="")
if NGINX_DOWNLOAD_LOG:
    CELERY_BEAT_SCHEDULE["read-nginx-log"] = {
        "task": "portal.hub.tasks.read_nginx_log",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    }
# `s3://bucket/prefix` of a copy of every blob, from which `bucket` delivers.
WEIGHTS_BUCKET = env.str("WEIGHTS_BUCKET", default="")
# Empty: what boto3 finds by itself, such as a role of the machine.
S3_ENDPOINT_URL = env.str("S3_ENDPOINT_URL", default="")
S3_REGION = env.str("S3_REGION", default="us-east-1")
S3_ACCESS_KEY_ID = env.str("S3_ACCESS_KEY_ID", default="")
S3_SECRET_ACCESS_KEY = env.str("S3_SECRET_ACCESS_KEY", default="")
# `path` for most servers that are not Amazon's.
S3_ADDRESSING_STYLE = env.str("S3_ADDRESSING_STYLE", default="auto")
# Per person and day (UTC): enough for a few of the largest models, and an end to a loop gone wild.
DOWNLOAD_BYTES_PER_DAY = env.int("DOWNLOAD_BYTES_PER_DAY", default=2 * 1024**4)
# At one time and per person; the Hub's client opens eight, and people have more than one machine.
DOWNLOADS_AT_ONCE = env.int("DOWNLOADS_AT_ONCE", default=32)
# A signed link works until the next day, so that one made in the evening still serves a night's download.
HUB_LINK_HOURS = env.int("HUB_LINK_HOURS", default=24)
# Whole downloads that one link is good for: another try, another machine, not the whole world.
HUB_LINK_USES = env.int("HUB_LINK_USES", default=5)
# Per person and at one time: one for each shard of a large model, and an end to a script gone wild.
HUB_LINKS_PER_PERSON = env.int("HUB_LINKS_PER_PERSON", default=200)
WEIGHTS_ROOT = Path(env.str("WEIGHTS_ROOT", default=str(PORTAL_HOME / "weights")))
# The console imports from below these only: a web page must not be a way to read any file of the server.
WEIGHTS_IMPORT_ROOTS = [
    Path(root) for root in env.list("WEIGHTS_IMPORT_ROOTS", default=[str(PORTAL_HOME / "imports")])
]
# The same for buckets: `s3://bucket/prefix`, comma-separated; none, until somebody names one.
WEIGHTS_IMPORT_BUCKETS = env.list("WEIGHTS_IMPORT_BUCKETS", default=[])
# Files read at once in one import: enough for a few disks or one network, too few to starve downloads.
WEIGHTS_IMPORT_THREADS = env.int("WEIGHTS_IMPORT_THREADS", default=4)
# The private key (PEM, P-256, mode 0600) that signs the manifest of every frozen revision.
SIGNING_KEY_FILE = Path(env.str("SIGNING_KEY_FILE", default=str(PORTAL_HOME / "keys" / "signing.pem")))
# The keys (Ed25519) that sign licence receipts and sign-offs: private.pem, made with the first signature, and public/
# with every key whose signatures count. Without private.pem the next signature makes another key.
STATEMENT_KEYS = Path(env.str("STATEMENT_KEYS", default=str(PORTAL_HOME / "keys" / "statements")))
# A store of 6 TiB is then read again once a month, each night in about half an hour of gentle reading.
WEIGHTS_SCRUB_BYTES_PER_NIGHT = env.int("WEIGHTS_SCRUB_BYTES_PER_NIGHT", default=200 * 1024**3)
# Slow enough for downloads from the same disk to go on.
WEIGHTS_SCRUB_BYTES_PER_SECOND = env.int("WEIGHTS_SCRUB_BYTES_PER_SECOND", default=100 * 1024**2)

# -- Sign-in -------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = reverse_lazy("dashboard")
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "portal.accounts.adapter.SocialAccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "portal.accounts.forms.SignupForm"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PORTAL_URL.startswith("https") else "http"
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_TOTP_ISSUER = SITE_NAME
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG
# Tracking would write to the database on every request; the list of sessions shows when each began.
USERSESSIONS_TRACK_ACTIVITY = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
for _provider, _scopes in (("github", ["user:email"]), ("google", ["profile", "email"])):
    if _client_id := env.str(f"{_provider.upper()}_CLIENT_ID", default=""):
        SOCIALACCOUNT_PROVIDERS[_provider] = {
            "APPS": [{"client_id": _client_id, "secret": env.str(f"{_provider.upper()}_CLIENT_SECRET")}],
            "SCOPE": _scopes,
        }
        # Only here, since a provider brings requests along: 6 MB in each process.
        INSTALLED_APPS.append(f"allauth.socialaccount.providers.{_provider}")

# -- Mail ----------------------------------------------------------------------------------
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"{SITE_NAME} <portal@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_FILE_PATH = PORTAL_HOME / "mail"
EMAIL_TIMEOUT = 20
if EMAIL_URL := env.str("EMAIL_URL", default=""):
    vars().update(env.email_url_config(EMAIL_URL))
else:
    EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="portal.common.devmail.FileBackend")
ANYMAIL = env.dict("ANYMAIL", default={})

# -- Language and time ---------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
# The account pages in the portal's own words.
LOCALE_PATHS = [BASE_DIR / "locale"]

# -- Static files --------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = PORTAL_HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "portal.common.staticfiles.ModuleStorage"
    },
}
MEDIA_ROOT = PORTAL_HOME / "media"
# In development the finders serve the sources, so that an edit needs no collectstatic.
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# -- Security ------------------------------------------------------------------------------
IS_HTTPS = PORTAL_URL.startswith("https://")
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_FAILURE_VIEW = "portal.common.errors.csrf_failure"
SECURE_SSL_REDIRECT = IS_HTTPS and env.bool("SECURE_SSL_REDIRECT", default=True)
# Probes come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if env.bool("SECURE_PROXY_SSL_HEADER", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
_PROVIDER_ORIGINS = {"github": "https://github.com", "google": "https://accounts.google.com"}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "base-uri": [SELF],
        # Chromium applies form-action to redirects too, and sign-in with a provider is a redirected form.
        "form-action": [SELF, *(_PROVIDER_ORIGINS[name] for name in SOCIALACCOUNT_PROVIDERS)],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
# django-unfold's scripts are inline and evaluate expressions; only signed-in staff see them.
ADMIN_CONTENT_SECURITY_POLICY = {
    "script-src": [SELF, "'unsafe-inline'", "'unsafe-eval'"],
    "style-src": [SELF, "'unsafe-inline'"],
}
UNFOLD = {"SITE_TITLE": SITE_NAME, "SITE_HEADER": SITE_NAME, "SITE_URL": "/"}

# -- Logs ----------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_JSON = env.bool("LOG_JSON", default=not DEBUG)
LOGGING_CONFIG = "portal.common.logs.configure"
# Django calls the function above only with something to hand it.
LOGGING: dict[str, Any] = {"version": 1}
DJANGO_STRUCTLOG_CELERY_ENABLED = True
PROMETHEUS_EXPORT_MIGRATIONS = False
SILENCED_SYSTEM_CHECKS: list[str] = []
