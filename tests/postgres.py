"""A real PostgreSQL server in a temporary folder, on a free port, one a test process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SETTINGS = {
    "unix_socket_directories": "''",
    "listen_addresses": "'127.0.0.1'",
    "fsync": "off",  # what a crash of the machine does is not tested here
    "max_connections": "200",
    "shared_buffers": "'64MB'",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


def binaries() -> Path | None:
    """Return the folder of the server's programs: Debian keeps them off the path."""
    places = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: -int(p.parent.parent.name)
    )
    found = shutil.which("initdb")
    if found:
        places.append(Path(found).resolve())
    return next((place.parent for place in places if (place.parent / "postgres").exists()), None)


class Postgres:
    """One server. Databases in it are made for whoever asks."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._made = 0
        self.port = free_port()
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir()
        if os.getuid() == 0:
            shutil.chown(data, "postgres")
        self._run(
            "initdb", "-D", str(data), "-U", "pincite", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"
        )
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in {**_SETTINGS, "port": self.port}.items())
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        log = self._folder / "data" / "server.log"
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-l", str(log), "-w", "-t", "60", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is a crash."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", mode, "-w", "stop")

    def database(self, port: int | None = None) -> str:
        """Make an empty database and return its URL, through another `port` if one is given."""
        import psycopg

        self._made += 1
        name = f"test{self._made}"
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://pincite@127.0.0.1:{port or self.port}/{name}"

    @property
    def url(self) -> str:
        return f"postgresql://pincite@127.0.0.1:{self.port}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.getuid() == 0:  # which the server refuses to run as
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self._folder, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout.decode(errors='replace')}")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a server while the body does. Raises LookupError where there is none."""
    programs = binaries()
    if programs is None:
        raise LookupError("PostgreSQL is not installed: tools/test_packages.sh")
    folder = Path(tempfile.mkdtemp(prefix="pincite-postgres-"))
    server: Postgres | None = None
    try:
        server = Postgres(programs, folder)
        yield server
    finally:
        if server is not None:
            server.stop("immediate")
        shutil.rmtree(folder)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
