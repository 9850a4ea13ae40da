"""The SQL, the calls and the sentences of the pages on Supabase and on security are true."""

import re
from pathlib import Path

import psycopg

from hourhand.transport import answers, failures, project, sqlstates
from tests.docs.markdown import ROOT, blocks, rows, sections
from tests.security.conftest import Sql
from tests.support.postgrest import PostgREST, postgrest

SUPABASE = ROOT / "docs" / "supabase.md"
SECURITY = ROOT / "docs" / "security.md"


def statements(page: Path) -> list[str]:
    return [block.text for block in blocks(page, "sql")]


def test_the_trigger_enqueues_in_the_users_transaction(database_url: str, sql: Sql) -> None:
    [_, trigger] = statements(SUPABASE)
    sql(trigger)
    with psycopg.connect(database_url) as user:
        user.execute("set role authenticated")
        user.execute("insert into public.orders (email) values ('a@example.org')")
        user.commit()
        user.execute("insert into public.orders (email) values ('b@example.org')")
        user.rollback()
    assert sql("select task, payload, unique_key from hourhand.job_runs") == [
        ("confirm-order", {"order": 1}, "order-1")
    ]
    rights = "select has_function_privilege(role, 'public.confirm_order()', 'execute') from unnest(array['anon', 'authenticated']) role"
    assert sql(rights) == [(False,), (False,)]


def test_roles_and_passwords_change_as_the_pages_say(database_url: str) -> None:
    [login, _], [viewers, leaked] = statements(SUPABASE), statements(SECURITY)
    with psycopg.connect(database_url) as superuser:
        for text in (login, viewers, leaked):
            superuser.execute(
                text.replace(" app ", " hourhand_test_app ").replace("'app'", "'hourhand_test_app'").encode()
            )
        superuser.execute("set session authorization hourhand_test_app")
        assert superuser.execute("select hourhand.enqueue('t')").fetchone() is not None
        superuser.rollback()


def test_the_calls_from_javascript_are_those_of_the_api(database_url: str, sql: Sql) -> None:
    enqueue, insert = (block.text for block in blocks(SUPABASE, "js"))
    with postgrest(database_url) as rest:
        assert _sent(rest, "rpc/enqueue", enqueue) == 200
        assert _sent(rest, "scheduled_jobs", insert) == 201
    assert sql("select payload from hourhand.job_runs") == [({"order": 17},)]
    assert sql("select name, cron from hourhand.scheduled_jobs") == [("report", "0 9 * * 1-5")]


def _sent(rest: PostgREST, path: str, script: str) -> int:
    import yaml

    [written] = re.findall(r"(?:'enqueue', |insert\()(\{.*?\n?\})\)", script, re.DOTALL)
    status, _ = rest.request(path, yaml.safe_load(written), key=rest.key)
    return status


def test_every_sentence_of_the_page_is_one_that_is_said() -> None:
    said = "\n".join(
        Path(module.__file__ or "").read_text("utf-8") for module in (answers, failures, project, sqlstates)
    )
    said += (ROOT / "shared" / "hourhand" / "migrate.py").read_text("utf-8")
    joined = re.sub(r'"\s*\n\s*f?"', "", said).replace("`", "")
    table = list(rows(sections(SUPABASE, 2)["What an error means"]))
    assert len(table) == 10
    assert [row[0] for row in table if row[0].strip("`") not in joined] == []
