"""Settings shared by every way to run Fairway."""

from __future__ import annotations

from controlplane.settings import urls_of
from controlplane.settings.env import ENV, ROOT

ROOT_DIR = ROOT
SECRET_KEY = ENV.secret_key
DEBUG = False
ALLOWED_HOSTS = list(ENV.allowed_hosts)
ROOT_URLCONF = "controlplane.urls"
WSGI_APPLICATION = "controlplane.wsgi.application"
ASGI_APPLICATION = "controlplane.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = False
APPEND_SLASH = True

INSTALLED_APPS = [
    "controlplane.apps.ControlplaneConfig",
    "apps.core",
    "apps.audit",
    "apps.lineage",
    "apps.accounts",
    "apps.notices",
    "apps.webhooks",
    "apps.problems",
    "apps.stores",
    "apps.compute",
    "apps.datasets",
    "apps.jobs",
    "apps.code",
    "apps.experiments",
    "apps.traces",
    "apps.registry",
    "apps.training",
    "apps.evaluations",
    "apps.sweeps",
    "apps.schedules",
    "apps.gates",
    "apps.reviews",
    "apps.deployments",
    "apps.mlflow_api",
    "apps.live",
    "apps.home",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_linear_migrations",
    "django_htmx",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]

MIDDLEWARE = [
    "apps.mlflow_api.short_chain.ShortChain",
    "apps.core.middleware.RequestIdMiddleware",
    "apps.core.middleware.SecurityHeadersMiddleware",
    "apps.mlflow_api.middleware.MlflowErrorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.ErrorsMiddleware",
    "controlplane.health.HealthMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.accounts.middleware.SessionSeenMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "frontend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.home.context.frame",
            ],
            "builtins": ["apps.core.templatetags.fairway"],
        },
    }
]

DATABASES = {"default": urls_of.database(ENV.database_url or "postgres://fairway@127.0.0.1:5432/fairway")}

STORAGES = {
    "default": urls_of.storage(ENV.storage_url),
    "blobs": urls_of.storage(ENV.storage_url),
    "staticfiles": {"BACKEND": "controlplane.static.StaticStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = ENV.home / "static"
# frontend/vendor is filled by the set-up (frontend/vendor.py); the rest is our own.
STATICFILES_DIRS = [(name, ROOT / "frontend" / name) for name in ("css", "js", "img", "vendor")]
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

REDIS_URL = ENV.redis_url or "redis://127.0.0.1:6379/0"
# Celery writes a socket as redis+socket://, the redis client as unix://.
REDIS_PY_URL = REDIS_URL.replace("redis+socket://", "unix://")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_PY_URL], "prefix": "fairway"},
    }
}
# Attempt limits and spent one-time codes are counted here, so all web processes must share it.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_PY_URL,
        "KEY_PREFIX": "fairway.cache",
        "OPTIONS": {"socket_timeout": 1.5, "socket_connect_timeout": 1.5},
    }
}
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
# Where packages of environments come from: an index (empty: the public one), or a folder of wheels instead of any.
PACKAGE_INDEX_URL = ENV.package_index_url
PACKAGE_FOLDER = ENV.package_folder
# An environment that no job has used for so long is removed, unless something keeps it.
ENVIRONMENT_KEEP_DAYS = ENV.environment_keep_days
# Whether code is fetched by plain http from this machine's own loopback address: for tests.
CODE_LOCAL_GIT = False
# Networks that are not public and that webhooks may reach all the same.
WEBHOOK_NETWORKS = ENV.webhook_networks
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "apps.jobs.tasks.job_run": {"queue": "jobs"},
    "apps.jobs.tasks.job_watch": {"queue": "jobs"},
}
CELERY_TASK_ACKS_LATE = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "visibility_timeout": 3600,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULER = "controlplane.beat.SteadyScheduler"
CELERY_BEAT_SCHEDULE = {
    "jobs-repair": {"task": "apps.jobs.tasks.jobs_repair", "schedule": 5.0, "options": {"expires": 5}},
    "jobs-logs": {"task": "apps.jobs.tasks.logs_retain", "schedule": 3600.0},
    "targets-check": {"task": "apps.compute.tasks.targets_check", "schedule": 15.0, "options": {"expires": 15}},
    "stores-sweep": {"task": "apps.stores.tasks.stores_sweep", "schedule": 30.0, "options": {"expires": 30}},
    "jobs-directories": {"task": "apps.jobs.tasks.directories_sweep", "schedule": 3600.0},
    "audit-seal": {"task": "apps.audit.tasks.audit_seal", "schedule": 2.0, "options": {"expires": 10}},
    "requests-sweep": {"task": "apps.reviews.tasks.requests_sweep", "schedule": 30.0, "options": {"expires": 30}},
    "uploads-sweep": {"task": "apps.datasets.tasks.uploads_sweep", "schedule": 600.0},
    "predictions-partitions": {"task": "apps.deployments.tasks.partitions_make", "schedule": 3600.0},
    "predictions-retain": {"task": "apps.deployments.tasks.predictions_retain", "schedule": 86400.0},
    "store-care": {"task": "apps.home.tasks.store_care", "schedule": 3600.0, "options": {"expires": 1800}},
    "webhooks-sweep": {"task": "apps.webhooks.tasks.webhooks_sweep", "schedule": 30.0, "options": {"expires": 30}},
    "environments-sweep": {"task": "apps.code.tasks.environments_sweep", "schedule": 3600.0},
    "schedules-tick": {"task": "apps.schedules.tasks.schedules_tick", "schedule": 5.0, "options": {"expires": 5}},
    "sweeps-drive": {"task": "apps.sweeps.tasks.sweeps_drive", "schedule": 3.0, "options": {"expires": 3}},
    "notices-sweep": {"task": "apps.notices.tasks.notices_sweep", "schedule": 30.0, "options": {"expires": 30}},
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["apps.accounts.web.backends.PersonBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "apps.accounts.web.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Fairway: "
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not ENV.https
MFA_TOTP_ISSUER = "Fairway"
MFA_ADAPTER = "apps.accounts.web.adapter.MfaAdapter"
MFA_TOTP_TOLERANCE = 1
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_FORMS = {
    "login": "apps.accounts.web.entrance_forms.SignInForm",
    "change_password": "apps.accounts.web.entrance_forms.PasswordChangeForm",
    "set_password": "apps.accounts.web.entrance_forms.PasswordSetForm",
    "reset_password": "apps.accounts.web.entrance_forms.ResetForm",
    "reset_password_from_key": "apps.accounts.web.entrance_forms.ResetKeyForm",
    "reauthenticate": "apps.accounts.web.entrance_forms.ConfirmForm",
    "add_email": "apps.accounts.web.entrance_forms.AddressForm",
}
ACCOUNT_EMAIL_NOTIFICATIONS = True

SESSION_COOKIE_NAME = "fairway_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "fairway_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "controlplane.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

PUBLIC_URL = ENV.public_url
GATEWAY_URL = ENV.gateway_url
GATEWAY_INTERNAL_URL = ENV.gateway_internal_url
INTERNAL_URL = ENV.internal_url
GATEWAY_KEY = ENV.gateway_key
FAIRWAY_HOME = ENV.home
PORTS = {"web": ENV.port, "live": ENV.live_port, "gateway": ENV.gateway_port}
# Where the browser opens its WebSocket; empty: the page's host on LIVE_PORT.
LIVE_URL = ENV.live_url
LIVE_INTERNAL_URL = ENV.live_internal_url
# Plotly's strict bundle sets its style sheet through two constant <style> elements (one empty); these hashes
# belong to its version in frontend/package.json.
PLOTLY_STYLE_HASHES: tuple[str, ...] = (
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o=",
)


def _csp() -> str:
    if ENV.live_url:
        live = ENV.live_url
    else:
        hosts = [h for h in ENV.allowed_hosts if h not in ("*", "[::1]") and not h.startswith(".")]
        live = " ".join(f"ws://{host}:{ENV.live_port}" for host in hosts)
    styles = " ".join(["'self'", *(f"'{value}'" for value in PLOTLY_STYLE_HASHES)])
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src {styles}",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            f"connect-src 'self' {live}",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "manifest-src 'self'",
        ]
    )


CONTENT_SECURITY_POLICY = _csp()

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.api.authentication.ActorAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.core.api.permissions.IsKnownActor"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.paging.KeyPagination",
    "DEFAULT_SCHEMA_CLASS": "apps.core.api.schema.FairwaySchema",
    "EXCEPTION_HANDLER": "apps.core.api.exceptions.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Fairway",
    "DESCRIPTION": "Everything that the pages do, for scripts and services.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    # Several things have a state of their own; each gets a name of its own.
    "ENUM_NAME_OVERRIDES": {
        "ProblemState": "apps.problems.models.Problem.State",
        "ProblemVersionState": "apps.problems.models.ProblemVersion.State",
        "ObjectiveDirection": "apps.problems.models.Objective.Direction",
        "BehaviourKind": "apps.problems.models.BehaviourVersion.Kind",
        "SegmentVersionState": "apps.problems.models.SegmentVersion.State",
        "DatasetVersionState": "apps.datasets.models.DatasetVersion.State",
        "UploadState": "apps.datasets.models.Upload.State",
        "TargetState": "apps.compute.models.ComputeTarget.State",
        "TargetTestState": "apps.compute.models.TargetTest.State",
        "StorageBackendKind": "apps.stores.models.StorageBackend.Kind",
        "StorageBackendState": "apps.stores.models.StorageBackend.State",
        "StorageMoveState": "apps.stores.models.StorageMove.State",
        "BundleKind": "apps.code.models.Bundle.Kind",
        "BundleState": "apps.code.models.Bundle.State",
        "EnvironmentState": "apps.code.models.Environment.State",
        "SweepMethod": "apps.sweeps.models.Sweep.Method",
        "JobState": "apps.jobs.models.Job.State",
        "JobAttemptState": "apps.jobs.models.JobAttempt.State",
        "ExperimentState": "apps.experiments.models.Experiment.State",
        "ModelVersionState": "apps.registry.models.ModelVersion.State",
        "EvaluationState": "apps.evaluations.models.Evaluation.State",
        "RequestState": "apps.reviews.models.ApprovalRequest.State",
        "DeploymentState": "apps.deployments.models.Deployment.State",
        "ColumnRole": "apps.datasets.api.serializers.ROLES",
        "PersonRole": "apps.accounts.api.serializers.ROLES",
        "RolloutState": "apps.deployments.models.Rollout.State",
        "BatchScoreState": "apps.deployments.models.BatchScore.State",
        "RunStatus": "apps.experiments.models.Run.Status",
        "TraceState": "apps.traces.models.Trace.State",
        "AssessmentKind": "apps.traces.models.Assessment.Kind",
        "WebhookStatus": "apps.webhooks.models.Webhook.Status",
        "ScheduleState": "apps.schedules.models.Schedule.State",
        "ScheduleRunState": "apps.schedules.models.ScheduleRun.State",
        "SweepState": "apps.sweeps.models.Sweep.State",
        "TrialState": "apps.sweeps.models.Trial.State",
        "DeliveryState": "apps.webhooks.models.Delivery.State",
    },
    "PREPROCESSING_HOOKS": ["apps.core.api.schema.only_versioned"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.core.api.schema.any_value_once",
    ],
}

for _name, _value in urls_of.email(ENV.email_url).items():
    globals()[_name] = _value
DEFAULT_FROM_EMAIL = ENV.email_from

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENV.log_level},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        # Says every address that is asked.
        "httpx": {"level": "WARNING"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []

# Settings of each executor, by its name.
JOB_EXECUTORS: dict[str, dict[str, object]] = {"local": {}}
JOB_HEARTBEAT_SECONDS = 10
JOB_LEASE_SECONDS = 60
# Lines of jobs that ended longer ago are removed; 0 keeps all.
JOB_LOG_DAYS = ENV.job_log_days
# Jobs that one machine runs at a time: fewer than the worker has threads, for a job holds one while it runs.
JOB_SLOTS = 2
# Jobs that one worker process watches at a time, those on other machines included; each holds one of its threads.
JOB_WATCHES = 6
# Over the defaults of workers.contracts.jobspec.JobLimits; a job may ask for other ones.
JOB_LIMITS: dict[str, object] = {"lease_seconds": JOB_LEASE_SECONDS}
