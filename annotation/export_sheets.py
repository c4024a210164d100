"""What stands beside a snapshot's rows, made of its manifest alone: a data sheet for people, Croissant and in-toto for machines.

`README.md` is the data sheet, and its head makes the folder one that `datasets.load_dataset` reads.
Source: Croissant 1.1 with its RAI vocabulary 1.0; in-toto Statement v1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from annotation import holding_out
from annotation.export_formats import FORMATS
from specs import label_config

Manifest = Mapping[str, Any]
_READ_BY_DATASETS = ("parquet", "jsonl", "csv")
_PROMISE = (
    "The rows are what the append-only record says at a sealed position of its ledger; the same request gives the same bytes. "
    "Annotators stand under pseudonyms of this project only."
)


def beside(manifest: Manifest, digest: str) -> list[tuple[str, str, bytes]]:
    """`(name, media type, bytes)` of every sheet."""
    asked = manifest["request"]["formats"]
    config = label_config.written(manifest["spec"]["questions"])[0] if "label_studio" in asked else ""
    return [
        *([("label-studio.xml", "application/xml", config.encode())] if config else []),
        ("README.md", "text/markdown", sheet(manifest, digest).encode()),
        ("croissant.json", "application/ld+json", _json(croissant(manifest, digest))),
        ("statement.json", "application/vnd.in-toto+json", _json(statement(manifest, digest))),
    ]


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def _title(manifest: Manifest) -> str:
    return f"{manifest['spec']['title']} {manifest['spec']['version']} ({manifest['project']})"


def statement(manifest: Manifest, digest: str) -> dict[str, Any]:
    """An in-toto statement (unsigned): which files, from which request at which position."""
    subjects = [(file["name"], file["digest"]) for file in manifest["files"]] + [("manifest.json", digest)]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"sha256": one.removeprefix("sha256:")}} for name, one in subjects
        ],
        "predicateType": "urn:concordat:snapshot:v2",
        "predicate": {
            "project": manifest["project"],
            "request": manifest["request"],
            "spec": {name: manifest["spec"][name] for name in ("key", "version", "digest")},
            "writer": manifest["writer"],
            "snapshot": digest,
        },
    }


def croissant(manifest: Manifest, digest: str) -> dict[str, Any]:
    """Croissant 1.1 with its fields on responsible AI; a record set for every table among the files."""
    files = [_file_object(file) for file in manifest["files"]]
    records = [
        _record_set(file, manifest)
        for file in manifest["files"]
        if file["name"].endswith((".parquet", ".csv"))
    ]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": f"{manifest['project']}-{manifest['spec']['key']}-{manifest['spec']['version']}",
        "description": f"{_title(manifest)}: {manifest['counts']['rows']} labelled items. {_PROMISE}",
        "version": manifest["spec"]["version"],
        "identifier": digest,
        "url": f"urn:concordat:snapshot:{digest}",
        "isLiveDataset": False,
        "distribution": files,
        **({"recordSet": records} if records else {}),
        **_responsible(manifest),
    }


def _responsible(manifest: Manifest) -> dict[str, Any]:
    clauses = "; ".join(f"{one['number']} {one['title']}" for one in manifest["spec"]["clauses"])
    answered = sum(one["answers"] for one in manifest["coverage"].values())
    items = sum(one["items_answered"] for one in manifest["coverage"].values())
    analysis = [
        f"{question}: alpha {_figure(one['alpha'])}, {one['annotations']} answers by {one['annotators']} annotators"
        for question, one in manifest["agreement"].items()
    ]
    return {
        "rai:dataAnnotationProtocol": f"Spec {manifest['spec']['key']} {manifest['spec']['version']} "
        f"({manifest['spec']['digest']}), clauses: {clauses}. Rule: {manifest['rule']}.",
        "rai:dataAnnotationPlatform": "Concordat",
        "rai:dataAnnotationAnalysis": analysis,
        "rai:annotationsPerItem": f"{answered / items:.2f} on average" if items else "none",
        "rai:machineAnnotationTools": [],
        "rai:dataManipulationProtocol": "; ".join(manifest["writer"].values()),
        "rai:personalSensitiveInformation": "No identities of annotators; item fields are as they were loaded.",
        "rai:dataLimitations": [
            f"{one['measure']} on {one['queue']} {one['what']} at position {one['at']}"
            for one in manifest["degradations"]
        ],
        "rai:dataReleaseMaintenancePlan": "A snapshot never changes; what follows is another one, compared by cause.",
    }


def _file_object(file: Mapping[str, Any]) -> dict[str, Any]:
    form = next(one for one in FORMATS.values() if file["name"].endswith(f".{one.suffix}"))
    return {
        "@type": "cr:FileObject",
        "@id": file["name"],
        "name": file["name"],
        "contentUrl": file["name"],
        "contentSize": f"{file['bytes']} B",
        "encodingFormat": "application/x-parquet" if form.suffix == "parquet" else form.media_type,
        "sha256": file["digest"].removeprefix("sha256:"),
    }


def _record_set(file: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    name = file["name"]
    columns = {"key": "sc:Text"} | {
        column: "sc:Text"
        for question in manifest["spec"]["questions"]
        for column in (question["key"], f"{question['key']}.basis")
    }
    return {
        "@type": "cr:RecordSet",
        "@id": f"rows-{name}",
        "name": f"rows-{name}",
        "key": {"@id": f"rows-{name}/key"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"rows-{name}/{column}",
                "name": column,
                "dataType": kind,
                "source": {"fileObject": {"@id": name}, "extract": {"column": column}},
            }
            for column, kind in columns.items()
        ],
    }


def sheet(manifest: Manifest, digest: str) -> str:
    """The data sheet, with the head of a dataset card."""
    asked, counts = manifest["request"], manifest["counts"]
    lines = [*_head(manifest), f"# {_title(manifest)}", "", f"Snapshot `{digest}`. {_PROMISE}", ""]
    lines += ["## What is in it", ""]
    lines += [
        f"- {counts['rows']} rows; labels valid under version {manifest['spec']['version']} of the spec"
    ]
    lines += [f"- queues: {', '.join(asked['queues']) if asked.get('queues') else 'all'}"]
    lines += [f"- position {asked['position']} of the project's ledger", f"- rule: {manifest['rule']}"]
    for name in ("fields", "labels"):
        lines += [
            f"- only {name} {key}: {', '.join(values)}" for key, values in (asked.get(name) or {}).items()
        ]
    lines += [f"- settled {name} {asked[name]}" for name in ("after", "before") if asked.get(name)]
    for question, basis in counts["basis"].items():
        lines += [f"- `{question}` by basis: {_listed(basis)}"]
    for question, values in counts["values"].items():
        lines += [f"- `{question}` by value: {_listed(values)}"]
    if asked.get("split"):
        split = asked["split"]
        lines += ["", "## Splits", "", f"- {_listed(counts.get('splits', {}))}"]
        lines += [
            f"- fixed per item by a keyed hash of its {'field ' + split['by'] if split['by'] else 'key'}: "
            f"{split['test']} % test, {split['eval']} % eval, in every snapshot of this project"
        ]
    lines += ["", "## How far people agree", ""]
    lines += [
        "| question | items | answers | annotators | alpha | 95 % interval |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for question, one in manifest["agreement"].items():
        alpha = one["alpha"]
        interval = f"{alpha['low']} to {alpha['high']}" if alpha.get("low") is not None else "too few to say"
        lines += [
            f"| {question} | {one['items']} | {one['annotations']} | {one['annotators']} | {_figure(alpha)} | {interval} |"
        ]
    lines += ["", "## What annotators were asked", ""]
    lines += [f"- `{one['key']}` ({one['kind']}): {one['title']}" for one in manifest["spec"]["questions"]]
    lines += ["", f"Digest of the version: `{manifest['spec']['digest']}`", ""]
    for clause in manifest["spec"]["clauses"]:
        lines += [f"### {clause['number']} {clause['title']} (`{clause['key']}`)", ""]
        lines += [f"{block.get('text', '')}\n" for block in clause["blocks"] if block.get("text")]
    lines += ["## Coverage", "", "| queue | items answered | rows here |", "| --- | --- | --- |"]
    lines += [
        f"| {queue} | {one['items_answered']} | {one['rows']} |"
        for queue, one in manifest["coverage"].items()
    ]
    if manifest["degradations"]:
        lines += ["", "## Measures in use on purpose", ""]
        lines += [
            f"- {one['measure']} on {one['queue']}, {one['what']} at {one['at']}"
            for one in manifest["degradations"]
        ]
    lines += ["", "## Files", "", "| file | rows | bytes | digest |", "| --- | --- | --- | --- |"]
    lines += [f"| {f['name']} | {f['rows']} | {f['bytes']} | `{f['digest']}` |" for f in manifest["files"]]
    lines += [""] + [f"- {name}: {about}" for name, about in manifest["writer"].items()]
    for name, reasons in manifest.get("left_out", {}).items():
        lines += [f"- {name} leaves out: {_listed(reasons)}"]
    return "\n".join([*lines, ""])


def _head(manifest: Manifest) -> list[str]:
    form = next((one for one in _READ_BY_DATASETS if one in manifest["request"]["formats"]), None)
    lines = ["---", f"pretty_name: {json.dumps(_title(manifest), ensure_ascii=False)}"]
    if form:
        names = [
            file["name"] for file in manifest["files"] if file["name"].endswith(f".{FORMATS[form].suffix}")
        ]
        lines += ["configs:", "- config_name: default", "  data_files:"]
        stems = holding_out.SPLITS if manifest["request"].get("split") else ("labels",)
        for stem in stems:
            mine = [name for name in names if name.startswith((f"{stem}.", f"{stem}-"))]
            if mine:
                lines += [
                    f"  - split: {'train' if stem == 'labels' else stem}",
                    f"    path: {json.dumps(mine)}",
                ]
    return [*lines, "---", ""]


def _figure(estimate: Mapping[str, Any]) -> str:
    return str(estimate["value"]) if estimate.get("value") is not None else "undefined"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items()) or "none"


_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "isLiveDataset": "cr:isLiveDataset",
    **{
        name: f"cr:{name}"
        for name in (
            *(
                "citeAs",
                "column",
                "extract",
                "field",
                "fileObject",
                "fileProperty",
                "fileSet",
                "format",
                "includes",
            ),
            *(
                "jsonPath",
                "key",
                "md5",
                "parentField",
                "path",
                "recordSet",
                "references",
                "regex",
                "repeated",
            ),
            *("replace", "separator", "source", "subField", "transform"),
        )
    },
}
