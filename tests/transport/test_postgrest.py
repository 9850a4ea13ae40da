"""The harness itself: the roles, limits and keys are those of a Supabase project."""

import psycopg
import pytest

from tests.support.postgrest import PostgREST, token, unsigned_token
from tests.support.waiting import eventually


def test_the_service_key_may_call_the_functions(postgrest: PostgREST) -> None:
    status, answer = postgrest.request("rpc/info", {}, key=postgrest.key)
    assert status == 200
    assert answer["database"] in postgrest.database_url


@pytest.mark.parametrize(
    "key", [None, token("anon"), token("authenticated", sub="someone")], ids=["none", "anon", "user"]
)
def test_nobody_else_may(postgrest: PostgREST, key: str | None) -> None:
    status, answer = postgrest.request("rpc/info", {}, key=key)
    assert status in (401, 403)
    assert answer["code"] == "42501"


@pytest.mark.parametrize(
    "key",
    [token(expires_in=-60), token(secret="another secret, as long as the first one"), unsigned_token()],
    ids=["expired", "forged", "unsigned"],
)
def test_a_key_that_is_not_valid_is_refused(postgrest: PostgREST, key: str) -> None:
    assert postgrest.request("rpc/info", {}, key=key)[0] == 401


def test_the_owner_is_no_superuser(postgrest: PostgREST) -> None:
    with psycopg.connect(postgrest.owner_url) as owner:
        assert owner.execute("select rolsuper from pg_roles where rolname = current_user").fetchone() == (
            False,
        )


def test_a_statement_is_cut_off_after_eight_seconds(postgrest: PostgREST) -> None:
    with psycopg.connect(postgrest.database_url, autocommit=True) as superuser:
        superuser.execute(
            "create function hourhand.limit_of() returns jsonb language sql as $$ select to_jsonb(current_setting('statement_timeout')) $$;"
            "notify pgrst, 'reload schema'"
        )
    eventually(lambda: postgrest.request("rpc/limit_of", {}, key=postgrest.key) == (200, "8s"))
