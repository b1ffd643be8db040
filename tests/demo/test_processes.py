"""The demo's folder and processes: one at a time, nothing left behind."""

import os
import socket
import sys
import time

import pytest

from invoicing_site.demo.children import Child
from invoicing_site.demo.home import Busy, Home
from invoicing_site.demo.stack import free_port


def test_second_demo_in_a_folder_is_told_so(tmp_path):
    second = Home(tmp_path).locked()
    with Home(tmp_path).locked(), pytest.raises(Busy, match="already runs"):
        second.__enter__()

    with Home(tmp_path).locked():
        pass


def test_secrets_stay_the_same_and_private(tmp_path):
    home = Home(tmp_path)
    home.make()

    first, second = home.environment(8000), home.environment(8001)

    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def test_shell_cannot_point_the_demo_at_another_database(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example/live")
    home = Home(tmp_path)
    home.make()

    assert "DATABASE_URL" not in home.environment(8000)


def test_reset_keeps_nothing(tmp_path):
    home = Home(tmp_path)
    with home.locked():
        (tmp_path / "broker").mkdir()
        (tmp_path / "db.sqlite3").touch()
        home.reset()

        assert {path.name for path in tmp_path.iterdir()} == {"lock"}


def test_taken_port_gives_the_next_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert free_port(port) > port


def test_stopped_child_takes_its_children_along(tmp_path):
    program = (
        "import subprocess, sys, time;"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid,"
        " flush=True);"
        "time.sleep(60)"
    )
    child = Child("family", [sys.executable, "-c", program], dict(os.environ), tmp_path / "log")
    child.start()
    deadline = time.monotonic() + 10
    while not child.tail() and time.monotonic() < deadline:
        time.sleep(0.05)
    grandchild = int(child.tail())

    child.ask_to_stop()
    child.wait_until(time.monotonic() + 5)

    assert child.status() is not None
    deadline = time.monotonic() + 5
    while _runs(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(grandchild)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
