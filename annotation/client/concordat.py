#!/usr/bin/env python3
"""Concordat from a pipeline: snapshots as files, tables and training sets, and work for bots. One file, Python 3.9 or newer.

    from concordat import Concordat
    house = Concordat("https://label.example.org", "toxicity", token="cc_...")
    frame = house.newest().to_pandas("train")

Everything that is downloaded is held against the digests that were frozen before it is given out. Tables need pandas and
pyarrow, `to_datasets` needs datasets; nothing else needs anything. As a program: `python concordat.py --help`; address,
project and token also come from CONCORDAT_URL, CONCORDAT_PROJECT and CONCORDAT_TOKEN.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

__version__ = "1.0"
__all__ = ["Concordat", "Damaged", "Lease", "Refused", "Snapshot"]
_CHUNK = 2**20
_AGAIN = (429, 502, 503, 504)


class Refused(Exception):
    """The house said no. `status` is HTTP's, `code` is stable, the message is for people, `problems` say where."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(document.get("title", "error"))
        self.problems: List[Dict[str, str]] = list(document.get("problems") or [])
        told = "; ".join(f"{one.get('where')}: {one.get('message')}" for one in self.problems)
        super().__init__(f"{status} {self.code}: {document.get('detail', '')}{f' ({told})' if told else ''}")


class Damaged(Exception):
    """The bytes that came are not the ones that were frozen."""


class Concordat:
    """One project of a house, with one token. `tries` bounds how often a request is made again when the house is busy or away."""

    def __init__(
        self,
        url: Optional[str] = None,
        project: Optional[str] = None,
        token: Optional[str] = None,
        *,
        timeout: float = 60,
        tries: int = 5,
    ) -> None:
        url = url or os.environ.get("CONCORDAT_URL", "")
        project = project or os.environ.get("CONCORDAT_PROJECT", "")
        self._token = token or os.environ.get("CONCORDAT_TOKEN", "")
        if not url.startswith(("http://", "https://")) or not project or not self._token:
            raise ValueError(
                "address, project and token are needed, or their variables CONCORDAT_URL, _PROJECT, _TOKEN"
            )
        self.root = f"{url.rstrip('/')}/api/v1/projects/{urllib.parse.quote(project)}/"
        self.timeout, self.tries = timeout, tries

    def get(self, path: str, **query: Any) -> Any:
        """The JSON below an address of the API."""
        asked = urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})
        return self._json("GET", f"{path}?{asked}" if asked else path)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        """Post JSON. With an idempotency *key* it is made again after a broken line, and has its effect once."""
        return self._json("POST", path, body, key=key)

    def pages(self, path: str, name: str, **query: Any) -> Iterator[Dict[str, Any]]:
        """Every row of a list, page by page."""
        before = None
        while True:
            page = self.get(path, before=before, **query)
            yield from page[name]
            before = page["next_before"]
            if before is None:
                return

    def _json(self, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data is not None else {}
        if key:
            headers["Idempotency-Key"] = key
        with self._open(method, path, data, headers, again=method == "GET" or bool(key)) as reply:
            content = reply.read()
        return json.loads(content) if content else None

    def _open(
        self, method: str, path: str, data: Optional[bytes], headers: Mapping[str, str], *, again: bool
    ) -> Any:
        whole = {
            "Authorization": f"Bearer {self._token}",
            "User-Agent": f"concordat-client/{__version__}",
            **headers,
        }
        for attempt in range(1, self.tries + 1):
            request = urllib.request.Request(self.root + path, data, whole, method=method)
            wait = min(2.0**attempt / 4, 20.0)
            try:
                return urllib.request.urlopen(request, timeout=self.timeout)
            except urllib.error.HTTPError as error:
                with error:
                    told = _document(error)
                if not (again or error.code == 429) or error.code not in _AGAIN or attempt == self.tries:
                    raise Refused(error.code, told) from None
                wait = float(error.headers.get("Retry-After") or wait)
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if not again or attempt == self.tries:
                    raise
            time.sleep(min(wait, 60.0))
        raise AssertionError("unreachable")

    def snapshots(self) -> Iterator[Snapshot]:
        """All of them, newest first."""
        return (Snapshot(self, told) for told in self.pages("snapshots", "snapshots"))

    def snapshot(self, which: Union[int, str]) -> Snapshot:
        """One by its number or its digest."""
        if isinstance(which, int) or which.isdigit():
            return Snapshot(self, self.get(f"snapshots/{which}"))
        for one in self.snapshots():
            if one.digest == which:
                return one.refresh()
        raise LookupError(f"there is no snapshot {which}")

    def newest(self, *, spec: Optional[str] = None) -> Snapshot:
        """The newest frozen one, of a spec."""
        for one in self.snapshots():
            if one.state == "frozen":
                whole = one.refresh()
                if spec is None or whole.manifest["spec"]["key"] == spec:
                    return whole
        raise LookupError("there is no frozen snapshot")

    def build(self, spec: str, version: str, *, wait: bool = True, **terms: Any) -> Snapshot:
        """Ask for a snapshot: `rule`, `where`, `split`, `since`, `queues`, `columns`, `formats`, ... as the API takes them."""
        made = self.post("snapshots", {"spec": spec, "version": version, **terms})
        snapshot = Snapshot(self, made["snapshot"])
        return snapshot.wait() if wait else snapshot

    def wait(self, job: int, *, seconds: float = 3600) -> Any:
        """A job's result when it is done. Raises `RuntimeError` when it failed."""
        for _look in _looks(seconds, f"job {job}"):
            found = self.get(f"jobs/{job}")
            if found["state"] == "done":
                return found["result"]
            if found["state"] in ("failed", "cancelled"):
                raise RuntimeError(f"job {job} {found['state']}: {found.get('error', '')}")
        return None

    def compare(self, old: Snapshot, new: Snapshot) -> Dict[str, Any]:
        """Added, removed and changed labels by cause and clause; large ones are compared in a job."""
        path = f"snapshots/{old.id}/compare/{new.id}"
        try:
            return dict(self.get(path))
        except Refused as refused:
            if refused.code != "wrong-state":
                raise
        return dict(self.wait(self.post(path)["job"]["id"]))

    def claim(self, queue: str) -> Optional[Lease]:
        """The next task of a queue; None when there is none."""
        told = self.post(f"queues/{urllib.parse.quote(queue)}/claim")
        return None if told is None else Lease(self, told)

    def work(
        self,
        queue: str,
        answer: Callable[[Dict[str, Any]], Mapping[str, Any]],
        *,
        at_most: Optional[int] = None,
    ) -> int:
        """Answer tasks until there is none: *answer* gets an item's fields and gives values by question. Returns how many."""
        n = 0
        while (at_most is None or n < at_most) and (lease := self.claim(queue)) is not None:
            lease.submit(answer(lease.item))
            n += 1
        return n


def _looks(seconds: float, what: str) -> Iterator[None]:
    """Now, and again after longer and longer pauses. Raises `TimeoutError` when the time is over."""
    until, pause = time.monotonic() + seconds, 0.2
    while True:
        yield
        if time.monotonic() > until:
            raise TimeoutError(f"{what} is still not done")
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


def _document(error: urllib.error.HTTPError) -> Dict[str, Any]:
    try:
        found = json.loads(error.read())
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"title": "error", "detail": str(error.reason)}


class Lease:
    """A claimed task: `key` and `item` are its item's key and fields, `told` everything that the house said."""

    def __init__(self, house: Concordat, told: Dict[str, Any]) -> None:
        self.house, self.told = house, told
        self.assignment, self.token = int(told["assignment"]), str(told["token"])
        self.key, self.item = str(told["item"]), dict(told["payload"])
        self._once = str(uuid.uuid4())

    def submit(
        self,
        values: Mapping[str, Any],
        *,
        citations: Optional[Mapping[str, Sequence[str]]] = None,
        **more: Any,
    ) -> Any:
        """Answer it. Sent again it is the same answer; it counts once."""
        body = {"token": self.token, "values": dict(values), "citations": dict(citations or {}), **more}
        return self.house.post(f"assignments/{self.assignment}/submit", body, key=self._once)

    def release(self) -> None:
        """Hand it back."""
        self.house.post(f"assignments/{self.assignment}/release", {"token": self.token})


class Snapshot:
    """One snapshot. Its files are kept in a cache by their digest: what is there and intact is not fetched again."""

    def __init__(self, house: Concordat, told: Dict[str, Any]) -> None:
        self.house, self.told = house, told

    def __repr__(self) -> str:
        return f"<Snapshot {self.id} {self.told['name']!r} {self.state} {self.digest[:19]}>"

    @property
    def id(self) -> int:
        return int(self.told["id"])

    @property
    def state(self) -> str:
        return str(self.told["state"])

    @property
    def digest(self) -> str:
        return str(self.told["digest"])

    @property
    def manifest(self) -> Dict[str, Any]:
        if self.told.get("manifest") is None:
            self.refresh()
        return dict(self.told["manifest"] or {})

    @property
    def files(self) -> List[Dict[str, Any]]:
        if "files" not in self.told:
            self.refresh()
        return list(self.told["files"])

    def refresh(self) -> Snapshot:
        self.told = self.house.get(f"snapshots/{self.id}")
        return self

    def wait(self, *, seconds: float = 3600) -> Snapshot:
        """Until it is frozen. Raises `RuntimeError` when it could not be built."""
        for _look in _looks(seconds, f"snapshot {self.id}"):
            if self.refresh().state != "building":
                break
        if self.state != "frozen":
            raise RuntimeError(f"snapshot {self.id} could not be built: {self.told['error']}")
        return self

    def download(self, folder: Union[str, Path], *, only: Sequence[str] = ()) -> List[Path]:
        """Its files in a folder, all or those whose names end with one of *only*; what was begun is gone on with."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        wanted = [one for one in self.files if not only or one["name"].endswith(tuple(only))]
        return [self._fetch(one, target / one["name"]) for one in wanted]

    def _fetch(self, file: Mapping[str, Any], path: Path) -> Path:
        if path.exists() and _digest(path) == file["digest"]:
            return path
        partial = path.with_name(path.name + ".part")
        have = partial.stat().st_size if partial.exists() else 0
        headers = {"Range": f"bytes={have}-", "If-Range": f'"{file["digest"]}"'} if have else {}
        address = f"snapshots/{self.id}/files/{urllib.parse.quote(file['name'])}"
        if have < file["n_bytes"] or not have:
            with (
                self.house._open("GET", address, None, headers, again=True) as reply,
                partial.open("ab" if reply.status == 206 else "wb") as out,
            ):
                while chunk := reply.read(_CHUNK):
                    out.write(chunk)
        if _digest(partial) != file["digest"]:
            partial.unlink()
            raise Damaged(f"{file['name']} is not what was frozen")
        partial.replace(path)
        return path

    def verify(self, folder: Union[str, Path]) -> List[str]:
        """What is wrong with the files in a folder; the manifest's digest is the snapshot's. Empty when all is intact."""
        target, faults = Path(folder), []
        named = {one["name"]: one["digest"] for one in self.files}
        if named.get("manifest.json") != self.digest:
            faults.append("manifest.json is not the manifest of this snapshot")
        told = target / "manifest.json"
        if told.exists() and _digest(told) == self.digest:
            named.update({one["name"]: one["digest"] for one in json.loads(told.read_bytes())["files"]})
        for name, digest in sorted(named.items()):
            if not (target / name).exists():
                faults.append(f"{name} is missing")
            elif _digest(target / name) != digest:
                faults.append(f"{name} is damaged")
        return faults

    def _cached(self, suffix: str, split: Optional[str]) -> List[Path]:
        root = Path(
            os.environ.get("CONCORDAT_CACHE") or Path(tempfile.gettempdir()) / f"concordat-{os.getuid()}"
        )
        folder = root / self.digest.replace(":", "-")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stems = [split] if split else ["labels", "train", "eval", "test"]
        wanted = [
            one
            for one in self.files
            if one["name"].endswith(f".{suffix}") and one["name"].split(".")[0].split("-0")[0] in stems
        ]
        return [
            self._fetch(one, folder / one["name"]) for one in sorted(wanted, key=lambda one: str(one["name"]))
        ]

    def rows(self, split: Optional[str] = None) -> Iterator[Dict[str, Any]]:
        """Its rows one by one, from JSON Lines; of one split or of all."""
        for path in self._cached("jsonl", split):
            with path.open("rb") as lines:
                for line in lines:
                    yield json.loads(line)

    def to_pandas(self, split: Optional[str] = None) -> Any:
        """Its rows as a DataFrame: item fields are columns `item.<field>`, each question is a column of its label."""
        import pandas as pd

        tables = self._cached("parquet", split)
        if tables:
            return pd.concat([pd.read_parquet(path) for path in tables], ignore_index=True)
        tables = self._cached("csv", split)
        if not tables:
            raise LookupError("this snapshot has neither Parquet nor CSV; build it with formats=['parquet']")
        return pd.concat([pd.read_csv(path) for path in tables], ignore_index=True)

    def to_datasets(self) -> Any:
        """Its rows as a `datasets.DatasetDict`, a split each."""
        import datasets

        names = ["train", "eval", "test"] if self.manifest["request"].get("split") else ["labels"]
        found: Dict[str, List[str]] = {}
        for name in names:
            paths = [str(path) for path in self._cached("parquet", name)]
            if paths:
                found["train" if name == "labels" else name] = paths
        return datasets.load_dataset("parquet", data_files=found)

    def trace(self, key: str) -> Dict[str, Any]:
        """Everything behind the label of an item: answers, clauses, rulings, what the spec changed since."""
        return dict(self.house.get(f"snapshots/{self.id}/trace", key=key))

    def register_run(
        self,
        name: str,
        *,
        commit: str = "",
        metrics: Optional[Mapping[str, float]] = None,
        trained_on: Sequence[str] = (),
    ) -> Dict[str, Any]:
        """Say what was trained on it. The same run again changes nothing."""
        body = {
            "name": name,
            "commit": commit,
            "metrics": dict(metrics or {}),
            "trained_on": list(trained_on),
        }
        return dict(self.house.post(f"snapshots/{self.id}/runs", body))


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            total.update(chunk)
    return f"sha256:{total.hexdigest()}"


def _pairs(texts: Sequence[str]) -> Dict[str, float]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise SystemExit(f"{text} is no NAME=NUMBER")
        found[name] = float(value)
    return found


def _which(house: Concordat, named: str) -> Snapshot:
    return house.newest() if named == "newest" else house.snapshot(named)


def _list(house: Concordat, asked: argparse.Namespace) -> Any:
    for one in house.snapshots():
        print(
            one.id, one.state, one.told["version"], one.told["n_rows"], one.digest, one.told["name"], sep="\t"
        )


def _build(house: Concordat, asked: argparse.Namespace) -> Any:
    terms = json.loads(asked.terms) if asked.terms else {}
    if asked.split:
        terms["split"] = terms.get("split") or {}
    one = house.build(asked.spec, asked.version, rule=asked.rule, **terms)
    print(one.id, one.digest)


def _download(house: Concordat, asked: argparse.Namespace) -> Any:
    one = _which(house, asked.snapshot).refresh()
    print(*one.download(asked.folder, only=asked.only), sep="\n")
    return [] if asked.only else one.verify(asked.folder)


def _verify(house: Concordat, asked: argparse.Namespace) -> Any:
    return _which(house, asked.snapshot).refresh().verify(asked.folder)


def _trace(house: Concordat, asked: argparse.Namespace) -> Any:
    print(json.dumps(_which(house, asked.snapshot).trace(asked.key), ensure_ascii=False, indent=1))


def _compare(house: Concordat, asked: argparse.Namespace) -> Any:
    print(json.dumps(house.compare(_which(house, asked.old), _which(house, asked.new)), indent=1))


def _run(house: Concordat, asked: argparse.Namespace) -> Any:
    more: Dict[str, Any] = {"metrics": _pairs(asked.metric), "trained_on": asked.trained_on}
    print(json.dumps(_which(house, asked.snapshot).register_run(asked.name, commit=asked.commit, **more)))


Step = Tuple[str, Callable[[Concordat, argparse.Namespace], Any], Sequence[Tuple[str, Dict[str, Any]]]]
_SNAPSHOT: Tuple[str, Dict[str, Any]] = ("snapshot", {"help": "its number, its digest, or newest"})
# fmt: off
_STEPS: Dict[str, Step] = {
    "list": ("all snapshots, a line each", _list, []),
    "build": ("build one and wait for it", _build, [
        ("spec", {}), ("version", {"help": "such as 2.0.0"}), ("--rule", {"default": "settled"}),
        ("--split", {"action": "store_true"}), ("--terms", {"help": "more of the request, as JSON"}),
    ]),
    "download": ("its files, verified", _download, [
        _SNAPSHOT, ("folder", {}), ("--only", {"action": "append", "default": [], "help": "such as .parquet"}),
    ]),
    "verify": ("hold files against their digests", _verify, [_SNAPSHOT, ("folder", {})]),
    "trace": ("everything behind an item's label", _trace, [_SNAPSHOT, ("key", {})]),
    "compare": ("what changed from one to another", _compare, [("old", {}), ("new", {})]),
    "run": ("register a training run", _run, [
        _SNAPSHOT, ("name", {}), ("--commit", {"default": ""}),
        ("--metric", {"action": "append", "default": [], "metavar": "NAME=NUMBER"}),
        ("--trained-on", {"action": "append", "default": [], "choices": ["train", "eval"]}),
    ]),
}
# fmt: on


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="concordat", description="Snapshots of a Concordat project.")
    for name in ("url", "project", "token"):
        parser.add_argument(f"--{name}", help=f"else CONCORDAT_{name.upper()}")
    steps = parser.add_subparsers(dest="step", required=True)
    for name, (title, _call, wanted) in _STEPS.items():
        step = steps.add_parser(name, help=title)
        for argument, options in wanted:
            step.add_argument(argument, **options)
    asked = parser.parse_args(arguments)
    try:
        faults = _STEPS[asked.step][1](Concordat(asked.url, asked.project, asked.token), asked)
    except (Refused, Damaged, LookupError, RuntimeError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for fault in faults or ():
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
