import pytest

from hourhand.redact import redact

SECRET = "hunter2value"  # without a word that hints at secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"postgresql://user:{SECRET}@host:5432/db", "postgresql://user:***@host:5432/db"),
        (f"postgresql://user:p@{SECRET}@host/db", "postgresql://user:***@host/db"),
        (f"redis://:{SECRET}@host", "redis://:***@host"),
        (f"host=db password={SECRET} user=me", "host=db password=*** user=me"),
        (f"host=db password = 'a {SECRET}' user=me", "host=db password = '***' user=me"),
        (f"PGPASSWORD={SECRET}", "PGPASSWORD=***"),
        (f'{{"api_key": "{SECRET}", "limit": 5}}', '{"api_key": "***", "limit": 5}'),
        (f"SUPABASE_SERVICE_ROLE_KEY={SECRET}", "SUPABASE_SERVICE_ROLE_KEY=***"),
        (f"HOURHAND_API_TOKEN={SECRET}", "HOURHAND_API_TOKEN=***"),
        (f"client_secret: {SECRET}", "client_secret: ***"),
        (f"refreshToken={SECRET}", "refreshToken=***"),
        (f"auth-token={SECRET}", "auth-token=***"),
        (f"access_token={SECRET}&a=1", "access_token=***&a=1"),
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer ***"),
        (f"Authorization: Basic {SECRET}", "Authorization: Basic ***"),
        (f"sb_secret_{SECRET}", "***"),
        (f"key eyJhbGciOiJIUzI1NiJ9.{SECRET}.{SECRET}", "key ***"),
    ],
)
def test_secrets_are_hidden_and_the_rest_stays(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "run 12 of ingest-rss, token=5f0c1a52-6e0a-4f7e-9a5e-0d7d3a5f1c11",
        "fetched http://localhost:8000/feed?from=me@example.org",
        "postgresql://host/db",
        "the key of the run is daily-2026-01-01",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text
