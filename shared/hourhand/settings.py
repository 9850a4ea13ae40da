"""The settings: one table of names, defaults and meanings, read from the environment and `.env`.

The first that is set wins: an option of the command, the environment, the file `.env` in the working
directory, the default. Where a setting has several names, the first that is set wins within each of these.
An empty value counts as unset. Defaults are written here as one would write them in the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from hourhand.errors import BadSetting
from hourhand.setting_types import (
    ChosenTransport,
    Count,
    CountOrZero,
    DatabaseAddress,
    Environment,
    Factor,
    Format,
    Lease,
    Level,
    Location,
    MailAddresses,
    MailServer,
    Milliseconds,
    QuietHours,
    RestPath,
    Seconds,
    SecretWebAddress,
    TraceRelation,
    WebAddress,
    Words,
    Zone,
)

Database = Literal["supabase", "postgres", "embedded"]


def setting(name: str, default: str | None, says: str, *, also: tuple[str, ...] = ()) -> Any:
    """A field read from the variable `name`; `also` are other names of it, looked at in this order."""
    return Field(default=default, description=says, json_schema_extra={"names": [name, *also]})


def _names(field: FieldInfo) -> tuple[str, ...]:
    assert isinstance(field.json_schema_extra, dict)
    names = field.json_schema_extra["names"]
    assert isinstance(names, list)
    return tuple(str(name) for name in names)


class Settings(BaseSettings):
    """All settings, checked. Build it with `load_settings`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8-sig",
        case_sensitive=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    supabase_url: WebAddress | None = setting(
        "SUPABASE_URL", None, "Address of the Supabase project; with a key it chooses Supabase."
    )
    supabase_key: SecretStr | None = setting(
        "SUPABASE_SERVICE_ROLE_KEY",
        None,
        "Its service role key or secret key.",
        also=("SUPABASE_SECRET_KEY",),
    )
    supabase_rest_path: RestPath = setting(
        "SUPABASE_REST_PATH", "/rest/v1", "Where PostgREST answers below that address; may be empty."
    )
    database_url: DatabaseAddress | None = setting(
        "DATABASE_URL",
        None,
        "Address of a Postgres database, used directly.",
        also=("POSTGRES_URL", "DATABASE_PRIMARY_URL"),
    )
    transport: ChosenTransport | None = setting(
        "HOURHAND_TRANSPORT", None, "Which to use when both are set: supabase (the default then) or postgres."
    )
    scheduler_poll: Milliseconds = setting(
        "JOB_SCHEDULER_POLL_MS", "60000", "Milliseconds between two looks of the scheduler at the schedules."
    )
    worker_poll: Milliseconds = setting(
        "JOB_WORKER_POLL_MS", "30000", "Milliseconds between two looks of a worker at the queue."
    )
    scheduler_batch: Count = setting(
        "JOB_SCHEDULER_BATCH", "25", "Schedules that one call of the scheduler takes at most."
    )
    worker_batch: Count = setting("JOB_WORKER_BATCH", "5", "Runs that one claim of a worker takes at most.")
    cron_timezone: Zone = setting("JOBS_CRON_TZ", "UTC", "Time zone of schedules that name none.")
    tasks: Words = setting("HOURHAND_TASKS", "", "Modules that define tasks, separated by commas.")
    concurrency: Count = setting(
        "HOURHAND_CONCURRENCY", None, "Runs at once in one worker; the batch where unset."
    )
    prefetch: bool = setting("HOURHAND_PREFETCH", "on", "Whether a worker claims up to one more batch ahead.")
    notify: bool = setting(
        "HOURHAND_NOTIFY", "on", "Whether direct connections use wake-up hints; all works without."
    )
    memory_limit_mb: Count | None = setting(
        "HOURHAND_MEMORY_LIMIT_MB", None, "A worker that uses more MiB finishes its runs and exits with 75."
    )
    lease: Lease = setting(
        "HOURHAND_LEASE_SECONDS", "30", "Seconds after which a silent worker counts as dead."
    )
    shutdown: Seconds = setting(
        "HOURHAND_SHUTDOWN_SECONDS", "30", "Seconds that running work gets to finish at shutdown."
    )
    queues: Words = setting(
        "HOURHAND_QUEUES", "default", "Queues a worker takes runs from, separated by commas."
    )
    data_dir: Location = setting(
        "HOURHAND_DATA_DIR", ".hourhand", "Directory of the embedded database and its logs."
    )
    env: Environment = setting(
        "HOURHAND_ENV", "development", "development, production (refuses the embedded database) or test."
    )
    pg_bin: Location | None = setting(
        "HOURHAND_PG_BIN", None, "Directory of the Postgres programs for the embedded database."
    )
    schedules: Location | None = setting(
        "HOURHAND_SCHEDULES", None, "YAML file of schedules that the scheduler applies at start."
    )
    log_level: Level = setting("LOG_LEVEL", "INFO", "Least level that is logged.")
    log_dir: Location | None = setting(
        "HOURHAND_LOG_DIR", None, "Directory of log files, one for each service."
    )
    log_format: Format = setting("HOURHAND_LOG_FORMAT", "text", "text or json.")
    log_rotate_mb: CountOrZero = setting(
        "HOURHAND_LOG_ROTATE_MB",
        "20",
        "MiB at which a log file is rotated; 0 leaves it to logrotate, which sends HUP.",
    )
    api_token: SecretStr | None = setting("HOURHAND_API_TOKEN", None, "Bearer token of the REST API.")
    admin_password: SecretStr | None = setting(
        "HOURHAND_ADMIN_PASSWORD", None, "Password of the admin pages."
    )
    jwt_secret: SecretStr | None = setting(
        "SUPABASE_JWT_SECRET", None, "Secret that signs the project's JWTs, to accept its users in the admin."
    )
    jwks_url: WebAddress | None = setting(
        "SUPABASE_JWKS_URL", None, "Address of the project's public keys, instead of the secret."
    )
    retention_days: Count = setting(
        "HOURHAND_RETENTION_DAYS",
        "30",
        "Days that finished runs, firings, logs, attempts, services and audit are kept.",
    )
    admin_url: WebAddress | None = setting(
        "HOURHAND_ADMIN_URL", None, "Address of the admin, for the links in alerts."
    )
    alert_webhook: SecretWebAddress | None = setting(
        "HOURHAND_ALERT_WEBHOOK", None, "Address to which alerts are posted as JSON."
    )
    alert_webhook_secret: SecretStr | None = setting(
        "HOURHAND_ALERT_WEBHOOK_SECRET", None, "Secret that signs them (HMAC-SHA256)."
    )
    alert_email: MailAddresses = setting(
        "HOURHAND_ALERT_EMAIL", "", "Mail addresses that get alerts, separated by commas."
    )
    smtp_url: MailServer | None = setting(
        "HOURHAND_SMTP_URL",
        None,
        "Mail server, such as smtp://user:password@mail.example.org:587?from=jobs@example.org; or smtps://.",
    )
    alert_apprise: SecretStr | None = setting(
        "HOURHAND_ALERT_APPRISE",
        None,
        "Addresses of Apprise, separated by spaces; needs the package apprise.",
    )
    alert_quiet: QuietHours | None = setting(
        "HOURHAND_ALERT_QUIET",
        None,
        "Hours of the day in which alerts wait, such as 22:00-07:00, by JOBS_CRON_TZ.",
    )
    alert_failures: Count = setting(
        "HOURHAND_ALERT_FAILURES", "3", "Failures in a row of a schedule or task that make an alert."
    )
    alert_late: Lease = setting(
        "HOURHAND_ALERT_LATE_SECONDS", "300", "Seconds that a schedule may be due without firing."
    )
    alert_backlog: Lease = setting(
        "HOURHAND_ALERT_BACKLOG_SECONDS", "600", "Seconds that a run may wait in a queue that is not paused."
    )
    alert_slow: Factor = setting(
        "HOURHAND_ALERT_SLOW", "3", "How many times as long as usual a run of a schedule may go on."
    )
    traces: TraceRelation = setting(
        "HOURHAND_TRACES",
        "link",
        "How the span of an attempt belongs to the one that asked for its run: link, or child of it.",
    )
    debug: bool = setting(
        "HOURHAND_DEBUG", "off", "Whether a command shows the traceback of an unexpected error."
    )

    @field_validator("concurrency", mode="before")
    @classmethod
    def _concurrency_is_the_batch(cls, value: object, info: ValidationInfo) -> object:
        return info.data.get("worker_batch", 1) if value is None else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, _Variables(settings_cls)

    @property
    def supabase_configured(self) -> bool:
        return self.supabase_url is not None and self.supabase_key is not None

    @property
    def database(self) -> Database:
        """Which database is used: the chosen one, else Supabase, else direct Postgres, else embedded."""
        if self.transport is not None:
            return self.transport
        if self.supabase_configured:
            return "supabase"
        return "postgres" if self.database_url is not None else "embedded"

    def checked(self) -> Self:
        """Itself, when the settings of the database belong together; else BadSetting."""
        if self.transport == "postgres" and self.database_url is None:
            raise BadSetting(
                "HOURHAND_TRANSPORT is postgres, but DATABASE_URL is not set", "Set DATABASE_URL."
            )
        half_supabase = (self.supabase_url is None) != (self.supabase_key is None)
        if self.transport == "supabase" or (half_supabase and self.database_url is None):
            self._require_supabase()
        return self

    def _require_supabase(self) -> None:
        if self.supabase_url is None:
            raise BadSetting(
                "Supabase is chosen, but SUPABASE_URL is not set", "Set it to the address of the project."
            )
        if self.supabase_key is None:
            raise BadSetting(
                "SUPABASE_URL is set, but no key",
                "Set SUPABASE_SERVICE_ROLE_KEY (or DATABASE_URL, to use Postgres directly).",
            )


class _Variables(PydanticBaseSettingsSource):
    """The environment over `.env`, by the names of the table only: a foreign variable can do no harm."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        self._sources: tuple[Mapping[str, str | None], ...] = (
            os.environ,
            DotEnvSettingsSource(settings_cls).env_vars,
        )

    def find(self, field: FieldInfo) -> tuple[str, str] | None:
        """The name by which it is set, and its value."""
        for source in self._sources:
            for name in _names(field):
                value = source.get(name)
                # An empty path is a meaningful one: a PostgREST that stands alone answers at its root.
                if value is not None and (value.strip() or name == "SUPABASE_REST_PATH"):
                    return name, value.strip()
        return None

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        found = self.find(field)
        return (found[1] if found else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Reference:
    """One row of the table, for docs, `--help` and tests."""

    attribute: str
    names: tuple[str, ...]
    default: str | None
    says: str
    secret: bool


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in repr(field.annotation)


REFERENCE = tuple(
    Reference(attribute, _names(field), field.default, field.description or "", _is_secret(field))
    for attribute, field in Settings.model_fields.items()
)


# --- Loading ---


def load_settings(**overrides: object) -> Settings:
    """The settings of this process; `overrides` by attribute name win, None among them means "not given".

    Raises BadSetting, naming each wrong variable, its value (never a secret) and what is expected.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    if unknown := given.keys() - Settings.model_fields.keys():
        raise TypeError(f"no such settings: {', '.join(sorted(unknown))}")
    try:
        return Settings(**given).checked()  # type: ignore[arg-type]
    except ValidationError as error:
        raise _bad_setting(error, given) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"the file .env cannot be read: {error}", "It has to be a text file in UTF-8."
        ) from None


def _bad_setting(error: ValidationError, given: Mapping[str, object]) -> BadSetting:
    problems = [_problem(detail, given) for detail in error.errors(include_url=False)]
    return BadSetting(
        "\n".join(problems), "Settings come from the command, the environment and the file .env."
    )


def _problem(detail: Mapping[str, Any], given: Mapping[str, object]) -> str:
    attribute = str(detail["loc"][0])
    field = Settings.model_fields[attribute]
    set_by = None if attribute in given else _Variables(Settings).find(field)
    name, value = set_by or (" or ".join(_names(field)), detail["input"])
    shown = "the value given (not shown)" if _is_secret(field) else repr(value)
    return f"{name}: expected {_expected(detail)}, not {shown}"


def _expected(detail: Mapping[str, Any]) -> str:
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "literal_error":
            return str(detail["ctx"]["expected"]).replace("'", "")
        case "bool_parsing" | "bool_type":
            return "on or off"
        case _:
            return str(detail["msg"])
