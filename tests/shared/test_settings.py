import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from hourhand.errors import BadSetting
from hourhand.settings import REFERENCE, Settings, load_settings

# The table of names that others rely on.
CONTRACT = """
SUPABASE_URL SUPABASE_SERVICE_ROLE_KEY SUPABASE_SECRET_KEY SUPABASE_REST_PATH HOURHAND_TRANSPORT
DATABASE_URL POSTGRES_URL DATABASE_PRIMARY_URL
JOB_SCHEDULER_POLL_MS JOB_WORKER_POLL_MS JOB_SCHEDULER_BATCH JOB_WORKER_BATCH JOBS_CRON_TZ
HOURHAND_TASKS HOURHAND_CONCURRENCY HOURHAND_PREFETCH HOURHAND_NOTIFY HOURHAND_MEMORY_LIMIT_MB
HOURHAND_LEASE_SECONDS HOURHAND_SHUTDOWN_SECONDS
HOURHAND_QUEUES HOURHAND_DATA_DIR HOURHAND_ENV HOURHAND_PG_BIN HOURHAND_SCHEDULES
LOG_LEVEL HOURHAND_LOG_DIR HOURHAND_LOG_FORMAT
HOURHAND_API_TOKEN HOURHAND_ADMIN_PASSWORD SUPABASE_JWT_SECRET SUPABASE_JWKS_URL HOURHAND_RETENTION_DAYS
"""

ADDRESS = "postgresql://user:hunter2@localhost:5432/db"
PROJECT = "https://project.supabase.co"


class Environment:
    """An empty environment and working directory to put settings into."""

    def __init__(self, patch: pytest.MonkeyPatch, directory: Path) -> None:
        self._patch = patch
        self.directory = directory

    def set(self, **values: str) -> None:
        for name, value in values.items():
            self._patch.setenv(name, value)

    def write(self, text: str) -> None:
        (self.directory / ".env").write_text(text, encoding="utf-8")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    for row in REFERENCE:
        for name in row.names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Environment(monkeypatch, tmp_path)


def problem(**overrides: object) -> str:
    with pytest.raises(BadSetting) as caught:
        load_settings(**overrides)
    assert caught.value.exit_code == 78
    assert caught.value.hint
    return str(caught.value)


def secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


# --- The table ---


def test_every_name_of_the_contract_is_a_setting() -> None:
    names = {name for row in REFERENCE for name in row.names}
    assert set(CONTRACT.split()) <= names


def test_every_setting_has_a_sentence_and_an_attribute() -> None:
    for row in REFERENCE:
        assert re.fullmatch(r"[A-Z\w].*\.", row.says), row
        assert row.attribute in Settings.model_fields


def test_the_defaults_are_those_of_the_contract(environment: Environment) -> None:
    settings = load_settings()
    assert settings.scheduler_poll == timedelta(seconds=60)
    assert settings.worker_poll == timedelta(seconds=30)
    assert (settings.scheduler_batch, settings.worker_batch, settings.concurrency) == (25, 5, 5)
    assert (settings.lease, settings.shutdown) == (timedelta(seconds=30), timedelta(seconds=30))
    assert (settings.cron_timezone, settings.tasks, settings.queues) == ("UTC", (), ("default",))
    assert (settings.prefetch, settings.notify, settings.memory_limit_mb) == (True, True, None)
    assert settings.data_dir == environment.directory / ".hourhand"
    assert (settings.env, settings.log_level, settings.log_format) == ("development", "INFO", "text")
    assert (settings.retention_days, settings.supabase_rest_path) == (30, "/rest/v1")
    assert settings.database == "embedded"


# --- Where values come from ---


def test_an_option_wins_over_the_environment_and_that_over_the_file(environment: Environment) -> None:
    environment.write("JOB_WORKER_BATCH=1\nJOB_SCHEDULER_BATCH=1\nHOURHAND_RETENTION_DAYS=1\n")
    environment.set(JOB_WORKER_BATCH="2", JOB_SCHEDULER_BATCH="2")
    settings = load_settings(worker_batch=3)
    assert (settings.worker_batch, settings.scheduler_batch, settings.retention_days) == (3, 2, 1)


def test_an_option_that_was_not_given_hides_nothing(environment: Environment) -> None:
    environment.set(JOB_WORKER_BATCH="7")
    assert load_settings(worker_batch=None).worker_batch == 7


def test_an_option_that_does_not_exist_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="worker_batsh"):
        load_settings(worker_batsh=1)


def test_the_file_may_hold_comments_ampersands_quotes_and_foreign_names(environment: Environment) -> None:
    environment.write(
        "\ufeff# settings\n"
        "NODE_ENV=production\n"
        "tasks=not.ours\n"
        "JOB_SCHEDULER_POLL_MS=60000    # 60 seconds (1 minute)\n"
        "DATABASE_URL=postgresql://u:p#w@h/db?sslmode=require&application_name=x\n"
        "export HOURHAND_TASKS='a.b, c'\n"
    )
    settings = load_settings()
    assert settings.scheduler_poll == timedelta(minutes=1)
    assert secret(settings.database_url) == "postgresql://u:p#w@h/db?sslmode=require&application_name=x"
    assert settings.tasks == ("a.b", "c")
    assert settings.env == "development"


def test_a_file_that_is_no_text_is_named(environment: Environment) -> None:
    (environment.directory / ".env").write_bytes(b"DATABASE_URL=\xff\xfe")
    assert ".env" in problem()


@pytest.mark.parametrize("name", ["DATABASE_URL", "POSTGRES_URL", "DATABASE_PRIMARY_URL"])
def test_the_database_has_three_names(environment: Environment, name: str) -> None:
    environment.set(**{name: ADDRESS})
    settings = load_settings()
    assert secret(settings.database_url) == ADDRESS
    assert settings.database == "postgres"


@pytest.mark.parametrize("name", ["SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY"])
def test_the_key_has_two_names(environment: Environment, name: str) -> None:
    environment.set(**{"SUPABASE_URL": PROJECT + "/", name: "key"})
    settings = load_settings()
    assert (settings.supabase_url, secret(settings.supabase_key)) == (PROJECT, "key")
    assert settings.database == "supabase"


def test_the_environment_wins_over_the_file_under_any_of_its_names(environment: Environment) -> None:
    environment.write("DATABASE_URL=postgresql://file/db")
    environment.set(POSTGRES_URL="postgresql://environment/db")
    assert secret(load_settings().database_url) == "postgresql://environment/db"


def test_an_empty_value_is_unset_except_for_a_path(environment: Environment) -> None:
    environment.set(DATABASE_URL=" ", POSTGRES_URL=ADDRESS, JOB_WORKER_BATCH="", SUPABASE_REST_PATH="")
    settings = load_settings()
    assert secret(settings.database_url) == ADDRESS
    assert (settings.worker_batch, settings.supabase_rest_path) == (5, "")


def test_settings_of_other_programs_do_no_harm(environment: Environment) -> None:
    environment.set(transport="tcp", env="x", queues="y", DEBUG="1")
    settings = load_settings()
    assert (settings.transport, settings.env, settings.debug) == (None, "development", False)


# --- Values ---


def test_values_are_read_in_their_units(environment: Environment) -> None:
    environment.set(
        JOB_WORKER_POLL_MS="50",
        HOURHAND_LEASE_SECONDS="1.5",
        HOURHAND_SHUTDOWN_SECONDS="0",
        JOB_WORKER_BATCH="8",
        HOURHAND_QUEUES="a, b,,",
        HOURHAND_NOTIFY="off",
        LOG_LEVEL="warn",
        HOURHAND_LOG_FORMAT="JSON",
        JOBS_CRON_TZ="Europe/Berlin",
    )
    settings = load_settings()
    assert settings.worker_poll == timedelta(milliseconds=50)
    assert settings.lease == timedelta(seconds=1.5)
    assert settings.shutdown == timedelta()
    assert settings.concurrency == 8
    assert settings.queues == ("a", "b")
    assert (settings.notify, settings.log_level, settings.log_format) == (False, "WARNING", "json")
    assert settings.cron_timezone == "Europe/Berlin"


def test_options_may_be_what_programs_have(environment: Environment) -> None:
    settings = load_settings(
        worker_poll=timedelta(seconds=1), tasks=["a", "b"], concurrency=2, data_dir=Path("/x")
    )
    assert settings.worker_poll == timedelta(seconds=1)
    assert (settings.tasks, settings.concurrency, settings.data_dir) == (("a", "b"), 2, Path("/x"))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("JOB_WORKER_POLL_MS", "49", "a whole number of milliseconds, 50 or more"),
        ("JOB_WORKER_POLL_MS", "60s", "a whole number of milliseconds, 50 or more"),
        ("JOB_SCHEDULER_POLL_MS", "1" + "0" * 400, "a whole number of milliseconds, 50 or more"),
        ("JOB_WORKER_BATCH", "0", "a whole number, 1 or more"),
        ("JOB_WORKER_BATCH", "2.5", "a whole number, 1 or more"),
        ("HOURHAND_LEASE_SECONDS", "nan", "a number of seconds, 1 or more"),
        ("HOURHAND_SHUTDOWN_SECONDS", "-1", "a number of seconds, 0 or more"),
        ("HOURHAND_NOTIFY", "maybe", "on or off"),
        ("HOURHAND_ENV", "live", "development, production or test"),
        ("HOURHAND_LOG_FORMAT", "xml", "text or json"),
        ("JOBS_CRON_TZ", "EST", "a time zone such as UTC or Europe/Berlin"),
        ("JOBS_CRON_TZ", "Europe/Atlantis", "a time zone such as UTC or Europe/Berlin"),
        ("JOBS_CRON_TZ", "../../etc/passwd", "a time zone such as UTC or Europe/Berlin"),
        ("SUPABASE_URL", "project", "an address such as https://project.supabase.co"),
        ("HOURHAND_TRANSPORT", "mysql", "supabase or postgres"),
    ],
)
def test_a_wrong_value_is_told_with_its_name_and_what_is_expected(
    environment: Environment, name: str, value: str, expected: str
) -> None:
    environment.set(**{name: value})
    assert problem() == f"{name}: expected {expected}, not {value!r}"


def test_a_wrong_value_is_told_as_it_was_written(environment: Environment) -> None:
    environment.write("LOG_LEVEL=Loud\nPOSTGRES_URL=mysql://localhost")
    lines = problem().splitlines()
    assert lines[0].startswith("POSTGRES_URL: expected an address")
    assert lines[1].endswith(", not 'Loud'")
    assert problem(log_level="quiet", database_url=ADDRESS).endswith(", not 'QUIET'")


def test_all_wrong_values_are_told_at_once(environment: Environment) -> None:
    environment.set(JOB_WORKER_BATCH="x", HOURHAND_NOTIFY="x")
    assert len(problem().splitlines()) == 2


def test_a_wrong_secret_is_not_shown(environment: Environment) -> None:
    environment.set(DATABASE_URL="mysql://user:hunter2@localhost/db")
    text = problem()
    assert "DATABASE_URL" in text
    assert "postgresql://" in text
    assert "hunter2" not in text


def test_secrets_do_not_show_when_settings_are_printed(environment: Environment) -> None:
    environment.set(DATABASE_URL=ADDRESS, HOURHAND_API_TOKEN="hunter2", SUPABASE_JWT_SECRET="hunter2")
    settings = load_settings()
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgresql+psycopg://u@h/db", "postgresql://u@h/db"),
        ("postgres://u@h/db", "postgres://u@h/db"),
        ("host=/run/postgresql dbname=x", "host=/run/postgresql dbname=x"),
    ],
)
def test_addresses_of_other_tools_are_understood(environment: Environment, given: str, read: str) -> None:
    assert secret(load_settings(database_url=given).database_url) == read


# --- Which database ---


def test_with_both_supabase_is_used_unless_told_otherwise(environment: Environment) -> None:
    environment.set(SUPABASE_URL=PROJECT, SUPABASE_SECRET_KEY="key", DATABASE_URL=ADDRESS)
    assert load_settings().database == "supabase"
    assert load_settings(transport="postgres").database == "postgres"


def test_a_project_address_without_a_key_does_not_hide_a_database(environment: Environment) -> None:
    environment.set(SUPABASE_URL=PROJECT, DATABASE_URL=ADDRESS)
    assert load_settings().database == "postgres"


def test_half_of_supabase_alone_is_a_mistake(environment: Environment) -> None:
    environment.set(SUPABASE_URL=PROJECT)
    assert "no key" in problem()


@pytest.mark.parametrize(
    ("transport", "missing"), [("postgres", "DATABASE_URL"), ("supabase", "SUPABASE_URL")]
)
def test_a_chosen_transport_needs_its_settings(
    environment: Environment, transport: str, missing: str
) -> None:
    assert missing in problem(transport=transport)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().worker_batch = 3  # type: ignore[misc]
