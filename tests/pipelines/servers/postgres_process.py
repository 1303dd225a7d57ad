"""A PostgreSQL server of this machine: started, killed, started again. It refuses to run as root, and so has a user."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

USER, PASSWORD = "team", "s3cret/word"
_PROGRAMS = ("createdb", "initdb", "pg_isready", "postgres")
_PATIENCE = 60  # seconds


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, which Debian puts beside the usual ones; None if one is not here."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    folders += [Path(found).parent for found in (shutil.which("postgres"),) if found]
    return next((folder for folder in folders if all((folder / name).exists() for name in _PROGRAMS)), None)


class Postgres:
    """A server with a folder of its own, on a free port that it keeps while it is down."""

    def __init__(self) -> None:
        found = programs()
        assert found is not None, "the tests that need it are skipped otherwise"
        self._programs = found
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # not below pytest's, which only its user may enter
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        if self._user:
            for path in (self._folder, secret):
                os.chown(path, pwd.getpwnam(self._user).pw_uid, -1)
        self._run("initdb", "-D", "data", "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")

    def address(self, database: str) -> str:
        """Its URL."""
        return f"postgresql+psycopg2://{USER}:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns once it answers."""
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        options = [part for setting in settings for part in ("-c", setting)]
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data", *options],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                user=self._user,
                start_new_session=True,
            )
        deadline = time.monotonic() + _PATIENCE
        ready = [self._programs / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, stdout=subprocess.DEVNULL, check=False).returncode:
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "PostgreSQL did not answer"
            time.sleep(0.2)

    def make(self, database: str) -> str:
        """A new database; returns its URL."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, database)
        return self.address(database)

    def kill(self) -> None:
        """Kill it with all of its processes, as a loss of power does."""
        assert self._process is not None
        if self._process.poll() is None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            for pid in (self._process.pid, *map(int, children)):  # each leads a process group of its own
                os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def remove(self) -> None:
        """End it, and remove what it kept."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            env={**os.environ, "PGPASSWORD": PASSWORD},
            user=self._user,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
