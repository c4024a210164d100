"""One process over the others: web, worker and beat, their lines in one terminal, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from annotation.config import processes
from annotation.config.local import ROOT

_COLOURS = {"web": "36", "worker": "33", "beat": "35"}
STOP_WITHIN = 15.0  # seconds from the polite signal to the last one
ANSWER_WITHIN = 60.0
MOST_ENDS, ENDS_WITHIN = 5, 60.0


class Supervisor:
    """Starts processes, passes their lines on with a prefix, starts again what ends by itself, ends all at a signal."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self.stopping = threading.Event()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, Sequence[str]] = {}
        self._ends: dict[str, list[float]] = {}
        self._readers: list[threading.Thread] = []
        self._watchdog = processes.Watchdog()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a child in a session of its own, so that Ctrl-C reaches it through us only."""
        child = subprocess.Popen(
            command,
            env=self.variables,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._watchdog.watch(child, signal.SIGTERM)
        self._children[name], self._commands[name] = child, command
        reader = threading.Thread(target=_pass_on, args=(name, child), daemon=True)
        reader.start()
        self._readers.append(reader)

    def run(self, command: Sequence[str]) -> int:
        """Run a child with our own output until it ends, or until we are told to stop; its exit status."""
        child = subprocess.Popen(command, env=self.variables, cwd=ROOT, start_new_session=True)
        self._watchdog.watch(child, signal.SIGTERM)
        while child.poll() is None:
            name = self.ended()
            if name or self.stopping.wait(0.1):
                processes.stop(child, signal.SIGTERM, patience=STOP_WITHIN)
                if name:
                    say(f"{name} {processes.fate(self._children[name])}; stopping.")
                return 1 if name else 130
        if child.returncode < 0:
            say(f"a command {processes.fate(child)}; stopping.")
        return 1 if child.returncode else 0

    def ended(self) -> str | None:
        """The name of a child that ended by itself."""
        return next((name for name, child in self._children.items() if child.poll() is not None), None)

    def answers(self, url: str) -> bool:
        """Wait until the URL answers; false when a child ends first, a signal comes or it takes too long."""
        deadline = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < deadline and not self.stopping.is_set() and not self.ended():
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return True
            except urllib.error.HTTPError:
                return True
            except OSError:
                self.stopping.wait(0.05)
        return False

    def watch(self, also: Callable[[], str | None] = lambda: None) -> int:
        """Wait until a signal comes; the exit status.

        A child that ends by itself is started again. It is a failure when one ends `MOST_ENDS` times within `ENDS_WITHIN`
        seconds, and when *also* tells of something that is gone and that we cannot start again.
        """
        while not self.stopping.wait(0.5):
            if gone := also():
                say(f"{gone}; stopping.")
                return 1
            name = self.ended()
            if name and not self._start_again(name):
                return 1
        return 0

    def _start_again(self, name: str) -> bool:
        child, now = self._children[name], time.monotonic()
        ends = [end for end in self._ends.get(name, []) if now - end < ENDS_WITHIN] + [now]
        self._ends[name] = ends
        if len(ends) >= MOST_ENDS:
            say(
                f"{name} ended {len(ends)} times in {ENDS_WITHIN:.0f} s; at last it {processes.fate(child)}; stopping."
            )
            return False
        say(f"{name} {processes.fate(child)}; starting it again.")
        self._watchdog.forget(child)
        processes.kill_group(child.pid)  # its own children still hold its port
        self.start(name, self._commands[name])
        return True

    def stop(self) -> None:
        """Stop all children, the last started first. Harmless to repeat."""
        for child in reversed(self._children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        for child in self._children.values():
            processes.wait(child, patience=max(0.1, deadline - time.monotonic()))
            processes.kill_group(child.pid)  # a child's own children, should it have died before them
        for reader in self._readers:
            reader.join(2)
        self._children.clear()
        self._watchdog.dismiss()


def say(text: str) -> None:
    """A line of our own to whoever started us."""
    _print("concordat:", text)


def _print(*parts: str) -> None:
    try:
        print(*parts, file=sys.stderr, flush=True)
    except OSError:  # the terminal or the pipe's reader is gone; the children must not wait for it
        pass


def _pass_on(name: str, child: subprocess.Popen[bytes]) -> None:
    assert child.stdout is not None
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    prefix = f"\x1b[{_COLOURS.get(name, '0')}m{name:<6} |\x1b[0m" if colour else f"{name:<6} |"
    for line in child.stdout:
        if line.strip():
            _print(prefix, line.decode(errors="replace").rstrip())
