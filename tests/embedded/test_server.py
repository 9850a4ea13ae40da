"""The owner of an embedded server, with real servers in temporary directories."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from hourhand.embedded import InUse, Server, database, finder, launch, running
from hourhand.embedded.cluster import Cluster
from hourhand.embedded.identity import Identity
from hourhand.errors import BadSetting, EmbeddedError
from hourhand.settings import load_settings
from tests.embedded.conftest import NOBODY, OrdinaryUser, Owner, ask, is_alive
from tests.support.waiting import eventually

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

Own = Callable[..., Owner]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose database was made and stopped once; tests work on copies."""
    data_dir = tmp_path_factory.mktemp("pristine") / "data"
    with Server(data_dir, fsync=False) as server:
        assert server.created
    return data_dir


@pytest.fixture
def data_dir(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "data"))


def test_a_new_directory_gets_a_database_in_utf8_that_keeps_its_data(tmp_path: Path) -> None:
    with Server(tmp_path / "new", fsync=False) as server:
        assert server.created
        assert ask(server.url, "show server_encoding") == "UTF8"
        assert ask(server.url, "select upper('é')") == "É"
        assert ask(server.url, "select 'B' < 'a'"), "text is ordered by code points"
        ask(server.url, "create table kept as select 42 as answer")
    with Server(tmp_path / "new", fsync=False) as server:
        assert not server.created
        assert ask(server.url, "select answer from kept") == 42


def test_a_server_listens_on_a_private_socket_only(data_dir: Path) -> None:
    with Server(data_dir, fsync=False) as server:
        socket_dir = Path(ask(server.url, "show unix_socket_directories").strip('"'))
        assert ask(server.url, "show listen_addresses") == ""
        assert socket_dir.stat().st_mode & 0o777 == 0o700
    assert not socket_dir.exists()


def test_fsync_stays_on_unless_a_test_turns_it_off(data_dir: Path) -> None:
    with Server(data_dir) as server:
        assert ask(server.url, "show fsync") == "on"
        assert ask(server.url, "show synchronous_commit") == "off"


def test_others_find_the_server_while_it_runs_and_only_then(data_dir: Path) -> None:
    assert running(data_dir) is None
    with Server(data_dir, fsync=False) as server:
        assert running(data_dir) == server.url
        assert ask(server.url, "select 1") == 1
        note = json.loads((data_dir / "server.json").read_text())
        assert note["pid"] == os.getpid()
    assert running(data_dir) is None
    assert running(data_dir / "missing") is None


def test_the_second_owner_is_told_who_the_first_is(data_dir: Path, own: Own) -> None:
    first = own(data_dir)
    with pytest.raises(InUse, match=rf"in use by process {first.process.pid}, since \d{{4}}-") as caught:
        Server(data_dir, fsync=False).start()
    assert "hourhand stop" in (caught.value.hint or "")
    assert ask(first.url, "select 1") == 1
    assert first.end() == 0
    with Server(data_dir, fsync=False) as server:
        assert ask(server.url, "select 1") == 1


def test_after_kill_9_of_the_owner_nothing_is_left_and_the_data_are_kept(data_dir: Path, own: Own) -> None:
    first = own(data_dir)
    ask(first.url, "create table kept as select 42 as answer")
    ask(first.url, "checkpoint")  # commits are not flushed at once here
    first.process.kill()
    eventually(lambda: not is_alive(first.postgres))
    assert running(data_dir) is None

    with Server(data_dir, fsync=False) as server:
        assert server.url == first.url
        assert ask(server.url, "select answer from kept") == 42


def test_the_next_owner_need_not_wait_for_the_server_of_one_that_was_just_killed(
    data_dir: Path, own: Own
) -> None:
    first = own(data_dir)
    first.process.kill()
    first.process.wait()
    with Server(data_dir, fsync=False) as server:
        assert ask(server.url, "select 1") == 1
        assert server.pid != first.postgres


def test_a_postgres_that_outlived_its_owner_is_ended_first(data_dir: Path) -> None:
    first = Server(data_dir, fsync=False)
    first.start()
    first._lock.release()  # as if this process had ended and Postgres had not heard of it
    with Server(data_dir, fsync=False) as server:
        assert first.pid is None
        assert ask(server.url, "select 1") == 1


def test_after_kill_9_of_postgres_it_can_be_started_again_at_the_same_address(data_dir: Path) -> None:
    with Server(data_dir, fsync=False) as server:
        url, first = server.url, server.pid
        assert first is not None
        with psycopg.connect(url) as open_connection:
            os.kill(first, signal.SIGKILL)
            eventually(lambda: server.pid is None)
            server.restart()
            assert server.pid not in (None, first)
            assert open_connection.info.status is not None
        assert server.url == url
        assert ask(url, "select 1") == 1


def test_a_pid_file_that_names_another_program_is_not_believed(data_dir: Path) -> None:
    [cluster] = data_dir.glob("postgres-*")
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (cluster / "postmaster.pid").write_text(f"{bystander.pid}\n{cluster}\n")
        with Server(data_dir, fsync=False) as server:
            assert ask(server.url, "select 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_killed_initdb_leaves_nothing_that_counts(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "initdb-abandoned").mkdir(parents=True)
    (data_dir / "initdb-abandoned" / "PG_VERSION").write_text("18\n")
    with Server(data_dir, fsync=False) as server:
        assert server.created
    assert not (data_dir / "initdb-abandoned").exists()


def test_data_of_another_major_are_not_touched(tmp_path: Path) -> None:
    data = tmp_path / "postgres-99"
    data.mkdir()
    (data / "PG_VERSION").write_text("99\n")
    with pytest.raises(EmbeddedError, match="holds data of PostgreSQL 99, but the programs found are of 1"):
        Server(tmp_path, fsync=False).start()
    assert [path.name for path in tmp_path.glob("postgres-*")] == ["postgres-99"]


def test_a_start_that_fails_gives_the_directory_up(data_dir: Path) -> None:
    server = Server(data_dir, fsync=False, options={"shared_buffers": "many"})
    with pytest.raises(EmbeddedError, match=r'invalid value for parameter "shared_buffers"') as caught:
        server.start()
    assert "postgres.log" in (caught.value.hint or "")
    with Server(data_dir, fsync=False) as other:
        assert ask(other.url, "select 1") == 1


def test_a_data_directory_with_a_long_and_odd_path_works(pristine: Path, tmp_path: Path) -> None:
    data_dir = shutil.copytree(pristine, tmp_path / ("long, 'odd' " * 12) / "däta")
    with Server(data_dir, fsync=False) as server:
        assert ask(server.url, "select 1") == 1


def test_a_temporary_directory_with_a_long_path_is_passed_over(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("l" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with Server(data_dir, fsync=False) as server:
        assert ask(server.url, "select 1") == 1
    assert not list(long.iterdir())


def test_a_file_in_the_place_of_the_directory_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"cannot use .*file: File exists"):
        Server(tmp_path / "file").start()


@only_root
def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "none", tmp_path], capture_output=True, check=False
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(
            EmbeddedError, match=r"has (19|20) MiB left on its disk; a new database needs 100 MiB"
        ):
            Server(tmp_path / "data", fsync=False).start()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_an_ordinary_user_owns_a_server_that_ends_with_it(own: Own, ordinary_user: OrdinaryUser) -> None:
    owner = own(ordinary_user.home / "data", ordinary_user.python, **ordinary_user.how)
    assert Path(f"/proc/{owner.postgres}").stat().st_uid == ordinary_user.home.stat().st_uid
    assert ask(owner.url, "select 1") == 1
    owner.process.kill()
    eventually(lambda: not is_alive(owner.postgres))


def test_an_unwritable_directory_is_said_in_a_sentence(own: Own, ordinary_user: OrdinaryUser) -> None:
    with pytest.raises(
        AssertionError, match=r"cannot use /proc/data: .* choose another directory with --data-dir"
    ):
        own(Path("/proc/data"), ordinary_user.python, **ordinary_user.how)


@only_root
def test_root_keeps_its_files_private_and_runs_in_a_namespace(data_dir: Path) -> None:
    with Server(data_dir, fsync=False) as server:
        assert ask(server.url, "select 1") == 1
        [cluster] = data_dir.glob("postgres-*")
        assert cluster.stat().st_uid == 0
        assert cluster.stat().st_mode & 0o777 == 0o700


@only_root
def test_without_namespaces_root_becomes_nobody_and_back_again(
    pristine: Path, ordinary_user: OrdinaryUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = shutil.copytree(pristine, ordinary_user.home / "data")
    binaries = finder.find()
    monkeypatch.setattr("hourhand.embedded.launch.__file__", _launcher_without_namespaces(tmp_path))
    with Server(data_dir, fsync=False) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == NOBODY
        assert ask(server.url, "select 1") == 1
    monkeypatch.undo()
    cluster = Cluster(data_dir, binaries, Identity.choose(binaries))
    assert cluster.path.stat().st_uid == NOBODY
    with Server(data_dir, fsync=False) as server:
        assert ask(server.url, "select 1") == 1
    assert cluster.path.stat().st_uid == 0


def _launcher_without_namespaces(tmp_path: Path) -> str:
    """The launcher, in a world where the kernel refuses namespaces."""
    source = Path(launch.__file__).read_text()
    changed = tmp_path / "launch.py"
    changed.write_text(re.sub(r"CLONE_NEWUSER = .*", "CLONE_NEWUSER = 1 << 62", source))
    return str(changed)


def test_a_server_cannot_be_started_from_another_thread(data_dir: Path) -> None:
    errors: list[EmbeddedError] = []

    def start() -> None:
        try:
            Server(data_dir).start()
        except EmbeddedError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors)


def test_a_command_joins_the_running_server_or_owns_one_meanwhile(data_dir: Path, own: Own) -> None:
    settings = load_settings(data_dir=data_dir)
    with database(settings) as url:
        assert running(data_dir) == url
    owner = own(data_dir)
    with database(settings) as url:
        assert url == owner.url
    assert ask(owner.url, "select 1") == 1


def test_production_refuses_an_embedded_server(data_dir: Path) -> None:
    with (
        pytest.raises(BadSetting, match="production"),
        database(load_settings(data_dir=data_dir, env="production")),
    ):
        pass
