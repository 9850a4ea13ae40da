"""Who gets in: by password, by token, by a JWT of Supabase; and who is told apart in the audit log."""

import json
import re
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_admin.web.access.forms import form_token
from hourhand_admin.web.access.identity import LOGIN_COOKIE, VISITOR_COOKIE
from hourhand_admin.web.access.jwts import PublicKeys
from hourhand_admin.web.access.throttle import Throttle
from hourhand_admin.web.access.tokens import hash_token
from tests.admin.house import PASSWORD, House, Person, Program, open_house
from tests.support.waiting import eventually

Sql = Callable[..., list[Any]]
SECRET = "the secret of a project, long enough for HS256"


def log_in(person: Person, name: str, password: str, **fields: str) -> Any:
    """As a browser does: open the page, which gives a cookie, and send its form."""
    person.get("/login")
    person.login = person.http.cookies[VISITOR_COOKIE]
    return person.post("/login", name=name, password=password, **fields)


# --- Passwords and logins ---


def test_a_login_leads_to_the_page_that_was_wanted(house: House, transport: Transport) -> None:
    house.add_user("alice", "viewer")
    visitor = house.person(None)
    asked = visitor.get("/runs", status="failed")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fruns%3Fstatus%3Dfailed")
    done = log_in(visitor, "alice", PASSWORD, next="/runs?status=failed")
    assert (done.status_code, done.headers["location"]) == (303, "/runs?status=failed")
    assert visitor.get("/runs").status_code == 200
    [login] = transport.call("list_audit", {"p_filter": {"action": "user.logged_in"}})["entries"]
    assert (login["actor"], login["subject"]) == ("alice", "alice")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"]
)
def test_a_login_leads_to_no_other_site(house: House, elsewhere: str) -> None:
    house.add_user("alice", "viewer")
    done = log_in(house.person(None), "alice", PASSWORD, next=elsewhere)
    assert done.headers["location"] == "/"


def test_the_cookie_of_a_login_is_out_of_reach_of_scripts_and_other_sites(house: House) -> None:
    house.add_user("alice", "viewer")
    cookie = log_in(house.person(None), "alice", PASSWORD).headers["set-cookie"]
    assert cookie.startswith(f"{LOGIN_COOKIE}=hh_")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    person = house.person(None)
    person.http.headers["x-forwarded-proto"] = "https"  # from a proxy on this machine
    assert "Secure" in person.get("/login").headers["set-cookie"]


def test_the_database_never_sees_a_token(house: House, sql: Sql) -> None:
    person = house.person("viewer")
    program = house.program("viewer")
    token = program.http.headers["authorization"].removeprefix("Bearer ")
    kept = str(
        sql("select * from hourhand_parts.admin_logins") + sql("select * from hourhand_parts.api_tokens")
    )
    assert person.login not in kept
    assert token not in kept


def test_each_login_has_a_token_of_its_own_and_a_logout_ends_it(house: House) -> None:
    person = house.person("viewer", "alice")
    again = house.person("viewer", "alice")
    assert person.login != again.login
    assert person.post("/logout").status_code == 303
    person.http.cookies.set(LOGIN_COOKIE, person.login)  # somebody had copied it
    assert person.get("/runs").headers["location"].startswith("/login")
    assert again.get("/runs").status_code == 200


def test_who_logs_out_everywhere_is_logged_in_nowhere(house: House) -> None:
    here, there, other = (
        house.person("viewer", "alice"),
        house.person("viewer", "alice"),
        house.person("admin"),
    )
    assert here.post("/logout", everywhere="yes").status_code == 303
    assert there.get("/runs").headers["location"].startswith("/login")
    assert other.get("/runs").status_code == 200
    assert "user.logged_out" in other.get("/audit", actor="alice").text


def test_a_login_ends_the_one_before_in_the_same_browser(house: House, sql: Sql) -> None:
    person = house.person("viewer", "alice")
    assert person.post("/login", name="alice", password=PASSWORD).status_code == 303
    [(kept,)] = sql("select token_hash from hourhand_parts.admin_logins")
    assert kept != hash_token(person.login)


@pytest.mark.parametrize("column", ["used_at = used_at - interval '2 hours 1 second'", "expires_at = now()"])
def test_a_login_ends_when_it_is_not_used_and_after_half_a_day(house: House, sql: Sql, column: str) -> None:
    person = house.person("viewer")
    assert person.get("/runs").status_code == 200
    sql(f"update hourhand_parts.admin_logins set {column}")
    assert person.get("/runs").status_code == 303


def test_a_new_password_or_role_ends_the_logins_of_the_user(house: House, transport: Transport) -> None:
    person = house.person("viewer", "alice")
    transport.call("put_user", {"p_name": "alice", "p_role": "operator"})
    assert person.get("/runs").status_code == 303


def test_a_wrong_password_and_an_unknown_name_are_told_alike_and_slowed_down(house: House) -> None:
    house.add_user("alice", "viewer")
    house.app.state.throttle = Throttle(lambda: 0.0)  # however long the hashes of five passwords take
    visitor = house.person(None)
    answers = [log_in(visitor, name, "wrong") for name in ("alice", "nobody", "alice", "nobody", "alice")]
    assert {answer.status_code for answer in answers} == {422}
    differs = r'name="(csrf|name)"([^>]*) value="[0-9a-z]+"'
    assert len({re.sub(differs, "", answer.text) for answer in answers}) == 1
    late = log_in(visitor, "alice", PASSWORD)
    assert late.status_code == 429
    assert "Try again in" in late.text


def test_a_key_is_closed_for_longer_each_time_and_open_again_after_a_success() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    for _ in range(4):
        throttle.tried("alice")
    assert throttle.wait("alice") == 0
    throttle.tried("alice")
    assert throttle.wait("alice", "elsewhere") == 1
    throttle.tried("alice")
    assert throttle.wait("alice") == 2
    for _ in range(20):
        throttle.tried("alice")
    assert throttle.wait("alice") == 60
    now = 61.0
    assert throttle.wait("alice") == 0
    throttle.succeeded("alice")
    throttle.tried("alice")
    assert throttle.wait("alice") == 0


def test_a_form_of_another_visitor_is_refused(house: House) -> None:
    house.add_user("alice", "viewer")
    visitor = house.person(None)
    visitor.get("/login")
    visitor.login = "another visitor's"
    assert visitor.post("/login", name="alice", password=PASSWORD).status_code == 403


@pytest.mark.parametrize("origin", ["null", "http://[", "https://evil.example", "", "http://", "//", "x"])
def test_a_form_with_an_origin_that_is_not_ours_is_refused(house: House, origin: str) -> None:
    assert log_in(house.person(None), "nobody", "wrong").status_code == 422
    visitor = house.person(None)
    visitor.http.headers["origin"] = origin
    assert log_in(visitor, "nobody", "wrong").status_code == 403


# --- Tokens ---


def test_a_token_works_until_it_is_revoked(house: House, transport: Transport) -> None:
    program = house.program("viewer")
    [token] = transport.call("list_api_tokens")["tokens"]
    assert token["last_used_at"] is None
    assert program.ask("GET", "/runs").status_code == 200
    [token] = transport.call("list_api_tokens")["tokens"]
    assert token["last_used_at"] is not None
    transport.call("revoke_api_token", {"p_name": token["name"]})
    refused = program.ask("GET", "/runs")
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_token_expires(house: House, sql: Sql) -> None:
    program = house.program("viewer")
    sql("update hourhand_parts.api_tokens set expires_at = now()")
    assert program.ask("GET", "/runs").status_code == 401


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer hh_x", "Basic eDp5", "Bearer a.b.c", "Bearer \u00e9"]
)
def test_what_is_no_good_token_is_refused_even_with_a_login(house: House, authorization: str) -> None:
    person = house.person("admin")
    answer = person.http.get("/runs", headers={"authorization": authorization.encode("latin-1")})
    assert answer.status_code == 401


def test_the_token_of_the_settings_is_good_for_everything(settings: Settings, transport: Transport) -> None:
    with open_house(settings.model_copy(update={"api_token": SecretStr("s3cret")}), transport) as house:
        assert status(house, "s3cret") == 200
        assert status(house, "s3cre") == 401


# --- JWTs ---


def claims(**more: Any) -> dict[str, Any]:
    usual = {"sub": "u1", "aud": "authenticated", "exp": time.time() + 600}
    return {**usual, "app_metadata": {"hourhand_role": "viewer"}, **more}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in claims().items() if key != name}


@pytest.fixture
def supabase_house(settings: Settings, transport: Transport) -> Iterator[House]:
    with open_house(settings.model_copy(update={"jwt_secret": SecretStr(SECRET)}), transport) as house:
        yield house


def status(house: House, token: str) -> int:
    program = Program(house.url, token)
    with program.http as http:
        return http.get("/runs").status_code


def test_a_user_of_the_project_with_a_role_is_let_in(supabase_house: House) -> None:
    assert status(supabase_house, jwt.encode(claims(), SECRET, "HS256")) == 200


@pytest.mark.parametrize(
    "wrong",
    [
        claims(exp=time.time() - 60),
        claims(nbf=time.time() + 86_400),
        without("exp"),
        without("aud"),
        without("app_metadata"),
        claims(aud="anon"),
        claims(app_metadata={"hourhand_role": "root"}),
        claims(app_metadata=[]),
        {**without("app_metadata"), "user_metadata": {"hourhand_role": "admin"}, "hourhand_role": "admin"},
    ],
    ids=[
        "expired",
        "not yet",
        "no end",
        "no audience",
        "no role",
        "another audience",
        "an unknown role",
        "no metadata",
        "a role of one's own making",
    ],
)
def test_a_token_of_the_project_that_gives_no_role_now_is_refused(
    supabase_house: House, wrong: dict[str, Any]
) -> None:
    assert status(supabase_house, jwt.encode(wrong, SECRET, "HS256")) == 401


def test_a_token_by_another_secret_or_algorithm_is_refused(supabase_house: House) -> None:
    assert status(supabase_house, jwt.encode(claims(), SECRET + "!", "HS256")) == 401
    assert status(supabase_house, jwt.encode(claims(), SECRET * 2, "HS512")) == 401
    assert status(supabase_house, jwt.encode(claims(), None, "none")) == 401  # type: ignore[arg-type]


class Jwks:
    """An address with the public keys of a project; it counts who asks."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.asked = 0
        self.status = 200
        self.padding = ""
        self.answers = Event()
        self.answers.set()
        jwks = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                jwks.asked += 1
                jwks.answers.wait(10)
                body = (json.dumps({"keys": [jwks.public("k1")]}) + jwks.padding).encode()
                self.send_response(jwks.status)
                self.send_header("location", jwks.url)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def public(self, kid: str) -> dict[str, Any]:
        found: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**found, "kid": kid, "alg": "ES256", "use": "sig"}

    def token(self, kid: str = "k1") -> str:
        return jwt.encode(claims(), self.key, "ES256", {"kid": kid})


@pytest.fixture
def jwks() -> Iterator[Jwks]:
    jwks = Jwks()
    thread = Thread(target=jwks.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield jwks
    jwks.server.shutdown()
    jwks.server.server_close()


def test_public_keys_are_asked_for_once_whatever_key_a_token_names(
    settings: Settings, transport: Transport, jwks: Jwks
) -> None:
    with open_house(settings.model_copy(update={"jwks_url": jwks.url}), transport) as house:
        assert status(house, jwks.token()) == 200
        assert status(house, jwks.token()) == 200
        assert [status(house, jwks.token(f"made up {n}")) for n in range(5)] == [401] * 5
        assert status(house, jwt.encode(claims(), "x" * 40, "HS256", {"kid": "k1"})) == 401
        assert jwks.asked == 1


def test_who_has_a_known_key_does_not_wait_while_the_address_is_asked(jwks: Jwks) -> None:
    keys = PublicKeys(jwks.url)
    assert keys.find("k1")
    keys._asked_at = float("-inf")
    jwks.answers.clear()
    asking = Thread(target=keys.find, args=["made up"])
    asking.start()
    eventually(lambda: jwks.asked == 2)
    assert keys.find("k1")
    jwks.answers.set()
    asking.join(10)


def test_an_address_of_keys_that_gives_too_much_or_leads_elsewhere_gives_none(jwks: Jwks) -> None:
    jwks.padding = " " * 1_000_001
    assert PublicKeys(jwks.url).find("k1") is None
    jwks.padding, jwks.status = "", 302
    assert PublicKeys(jwks.url).find("k1") is None
    jwks.status = 200
    assert PublicKeys(jwks.url).find("k1")


# --- The audit log ---


def test_the_audit_log_names_who_did_it(
    house: House, sql: Sql, add_schedule: Callable[..., int], transport: Transport
) -> None:
    add_schedule("news")
    wanted = {"p_actor": "alice", "p_function": "pause_schedule", "p_params": {"p_schedule": "news"}}
    transport.call("act_as", wanted)
    transport.call("resume_schedule", {"p_schedule": "news"})
    rows = sql(
        "select actor, action, before ->> 'is_active', after ->> 'is_active' from hourhand.audit_log order by id"
    )
    assert rows[1] == ("alice", "schedule.changed", "true", "false")
    assert rows[2][0] != "alice"


@pytest.mark.parametrize(
    ("function", "params"),
    [
        ("drop_everything", {}),
        ("pause_schedule", {"p_unknown": 1}),
        ("act_as", {"p_actor": "x"}),
        ("clock", {}),
    ],
)
def test_only_functions_that_exist_are_called_for_somebody(
    transport: Transport, function: str, params: dict[str, Any]
) -> None:
    from hourhand.errors import BadInput

    with pytest.raises(BadInput):
        transport.call("act_as", {"p_actor": "a", "p_function": function, "p_params": params})


def test_values_stay_values(house: House, transport: Transport, sql: Sql) -> None:
    evil = "x'); delete from hourhand.scheduled_jobs; --"
    schedule = {"name": evil, "task": "t", "every": 60, "payload": {"a": [1, None, evil]}}
    transport.call(
        "act_as", {"p_actor": evil, "p_function": "put_schedule", "p_params": {"p_schedule": schedule}}
    )
    assert sql("select name, payload from hourhand.scheduled_jobs") == [(evil, schedule["payload"])]
    assert sql("select actor from hourhand.audit_log") == [(evil,)]


def test_the_form_token_says_nothing_about_the_login() -> None:
    assert form_token("a") != form_token("a")
    assert "secret" not in form_token("secret")


def test_only_a_token_of_this_login_is_taken_with_a_form(house: House) -> None:
    person, other = house.person("viewer"), house.person("viewer", "other")
    own = form_token(person.login)
    for wrong in ("", "x", "é", own[:-2], own + "00", "0" * len(own), form_token(other.login)):
        assert person.post("/display", theme="dark", csrf=wrong).status_code == 403, wrong
    assert person.post("/display", theme="dark", csrf=own).status_code == 303
