"""Child processes that never outlive us, however we end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

# Reads what to watch until its input ends. `done` means that we cleaned up ourselves; an end without it means that
# we were killed: ask each process to stop, wait, insist on its whole group, and remove the paths given as arguments.
_WATCH = """
trap '' HUP INT QUIT TERM
watched=
while read -r word pid stop; do
    case $word in
        watch) watched="$watched $pid:$stop" ;;
        forget)
            kept=
            for one in $watched; do [ "${one%:*}" = "$pid" ] || kept="$kept $one"; done
            watched=$kept
            ;;
        done) exit 0 ;;
    esac
done
for one in $watched; do kill -s "${one#*:}" "${one%:*}" 2>/dev/null; done
n=0
while [ $n -lt 150 ]; do
    alive=
    for one in $watched; do kill -0 "${one%:*}" 2>/dev/null && alive=yes; done
    [ "$alive" ] || break
    sleep 0.1
    n=$((n + 1))
done
for one in $watched; do kill -s KILL -- "-${one%:*}" "${one%:*}" 2>/dev/null; done
rm -rf -- "$@"
"""


class Watchdog:
    """A small shell at the other end of a pipe: when this process dies, even by SIGKILL, it stops what it watches.

    The kernel's parent-death signal is no substitute: it is lost when a program changes its user, as PostgreSQL's does
    under root, and it comes when the starting *thread* ends.
    """

    def __init__(self, *, remove: Iterable[Path] = ()) -> None:
        self._shell = subprocess.Popen(
            ["sh", "-c", _WATCH, "concordat-watchdog", *(str(path) for path in remove)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def watch(self, child: subprocess.Popen[bytes], stop: signal.Signals) -> None:
        """Stop this child by `stop` if we die, and in the end whatever is left of a session that it leads."""
        self._tell(f"watch {child.pid} {stop.name.removeprefix('SIG')}\n")

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        """The child is gone; its id may become another process's."""
        self._tell(f"forget {child.pid}\n")

    def dismiss(self) -> None:
        """End the watch without touching anything. Harmless to repeat."""
        self._tell("done\n")
        if self._shell.stdin is not None and not self._shell.stdin.closed:
            self._shell.stdin.close()
        self._shell.wait()

    def _tell(self, line: str) -> None:
        assert self._shell.stdin is not None
        if self._shell.stdin.closed:
            return
        try:
            self._shell.stdin.write(line.encode())
            self._shell.stdin.flush()
        except BrokenPipeError:  # somebody killed the shell; we still stop our children ourselves
            pass


def stop(child: subprocess.Popen[bytes], by: signal.Signals, *, patience: float) -> None:
    """Ask the child to stop, wait at most `patience` seconds, then end its whole session's group."""
    if child.poll() is None:
        child.send_signal(by)
    wait(child, patience=patience)


def wait(child: subprocess.Popen[bytes], *, patience: float) -> None:
    """Wait at most `patience` seconds for the child's end, then end its whole session's group."""
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        kill_group(child.pid)
        child.wait()


def kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(command: Sequence[str], **options: Any) -> int:
    """Run a command to its end and return its status; should we be interrupted or killed, it is stopped too."""
    watchdog = Watchdog()
    child = subprocess.Popen(command, **options)
    watchdog.watch(child, signal.SIGTERM)
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            stop(child, signal.SIGTERM, patience=10)
        watchdog.dismiss()


def fate(child: subprocess.Popen[bytes]) -> str:
    """How a child that is gone ended, in words."""
    status = child.returncode
    if status is not None and status < 0:
        try:
            return f"was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"was killed by signal {-status}"
    return f"ended with status {status}"


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
