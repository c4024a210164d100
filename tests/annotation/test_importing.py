"""Labels made elsewhere: read with care, written once, measured at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation import import_values, importing, measuring
from annotation.models import Annotation, Citation, Dispute, Resolution
from specs.refusals import Invalid
from workforce.models import Item, ItemClause, KnownAnswer, Task

pytestmark = pytest.mark.django_db

LABELS = "item_id,annotator_id,label\n" + "".join(
    f"i{item},a{person},{'x' if (item + person) % 4 else 'y'}\n" for item in range(12) for person in range(3)
)


def _folder(tmp_path: Path, **files: str) -> Path:
    for name, text in {"labels": LABELS, **files}.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def _import(folder: Path, **options: str) -> importing.Imported:
    wanted = import_values.Wanted(**options)  # type: ignore[arg-type]
    return importing.import_labels(folder=folder, project_key="history", wanted=wanted, by=None)


def test_labels_alone_make_a_project_a_spec_a_queue_and_answers(tmp_path: Path) -> None:
    done = _import(_folder(tmp_path))
    assert (done.n_items, done.n_annotators, done.n_labels) == (12, 3, 36)
    assert (done.version.number, Annotation.objects.count(), Task.objects.count()) == ("1.0.0", 36, 12)
    assert Resolution.objects.count() == Task.objects.filter(state="resolved").count() > 0


def test_a_second_import_changes_nothing(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    _import(folder)
    again = _import(folder)
    assert (again.n_items, again.n_annotators, again.n_labels) == (0, 0, 0)
    assert Annotation.objects.count() == 36


def test_later_labels_join_the_earlier_ones(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    _import(folder)
    (folder / "labels.csv").write_text(LABELS + "i0,a9,x\n")
    assert _import(folder).n_labels == 1
    assert Annotation.objects.filter(task__item__key="i0").order_by("ordinal").last().ordinal == 4  # type: ignore[union-attr]


def test_a_clause_in_items_is_a_property_and_in_labels_alone_a_citation(tmp_path: Path) -> None:
    items = "item_id,text,clause_id\n" + "".join(f"i{k},t{k},rule-{k % 2}\n" for k in range(12))
    _import(_folder(tmp_path, items=items, gold="item_id,label\ni0,x\n"))
    assert (ItemClause.objects.count(), Citation.objects.count(), KnownAnswer.objects.count()) == (12, 0, 1)
    assert Item.objects.get(key="i3").payload == {"text": "t3"}
    other = tmp_path / "other"
    other.mkdir()
    (other / "labels.csv").write_text("item_id,annotator_id,label,clauses\ni0,a0,x,one|two\ni0,a1,y,\n")
    importing.import_labels(folder=other, project_key="cited", by=None)
    assert Citation.objects.count() == 2


HEAD = "item_id,annotator_id,label"
BAD = {
    "item_id,annotator_id\ni0,a0\n": "lacks the columns label",
    f"{HEAD},label\ni0,a0,x,y\n": "names a column twice",
    f"{HEAD}\ni0,a0,x,extra\n": "line 2: has more",
    f"{HEAD}\ni0,,x\n": "line 2: an empty annotator_id",
    f"{HEAD}\n": "no labels.csv",
    f'{HEAD}\n"i\n0",a0,x\n\ni1,a0,x\ni1,a0,y\n': "line 6: .*two labels",
    f"{HEAD}\ni0,a0,x\ni1,a0,x\n": "All labels",
    f"{HEAD}\ni0,a0,x\ni1,a0,\0\n": "line 3: a NUL",
    f'{HEAD}\ni0,a0,"x\n': "line 2: unexpected end",
    f"{HEAD}\ni0,a0,x\n{'i' * 201},a0,y\n": "line 3: .*longer than 200",
    f"{HEAD},timestamp\ni0,a0,x,2024-02-30\n": "line 2: .*no time",
    f"{HEAD},repeat\ni0,a0,x,1\n": "every label as a repeat",
}


@pytest.mark.parametrize(("text", "reason"), BAD.items())
def test_files_that_do_not_fit_are_refused_and_nothing_is_kept(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        _import(_folder(tmp_path, labels=text))
    assert not Annotation.objects.exists()


def test_kinds_and_levels_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    for options in ({"kind": "hologram"}, {"level": "cosmic"}, {"level": "ordinal"}):
        with pytest.raises(Invalid):
            _import(_folder(tmp_path), **options)


BAD_BESIDE: dict[str, dict[str, str]] = {
    "labels.csv line 3: item_id 'i1': items.csv does not have it": {"items": "item_id\ni0\n"},
    "gold.csv line 2: item_id 'i9': items.csv does not have it": {
        "items": "item_id\ni0\ni1\n",
        "gold": "item_id,label\ni9,x\n",
    },
    "items.csv line 4: 'i0': an item stands once": {"items": "item_id\ni0\ni1\ni0\n"},
    "gold.csv line 3: 'i0': a gold label stands once": {"gold": "item_id,label\ni0,x\ni0,y\n"},
}


@pytest.mark.parametrize(("reason", "files"), BAD_BESIDE.items())
def test_files_that_do_not_fit_each_other_are_refused(
    tmp_path: Path, reason: str, files: dict[str, str]
) -> None:
    with pytest.raises(Invalid, match=reason):
        _import(_folder(tmp_path, labels=f"{HEAD}\ni0,a0,x\ni1,a0,y\n", **files))
    assert Item.objects.count() == 0


def test_a_clause_that_the_version_lacks_is_refused_and_not_dropped(tmp_path: Path) -> None:
    _import(_folder(tmp_path, labels=f"{HEAD},clauses\ni0,a0,x,one\ni1,a0,y,one\n"))
    with pytest.raises(Invalid, match=r"The clauses two are not in version 1\.0\.0"):
        _import(_folder(tmp_path, labels=f"{HEAD},clauses\ni0,a1,x,one|two\n"))
    assert Annotation.objects.count() == 2


def test_times_are_kept_and_spans_are_said_to_be_left_out(tmp_path: Path) -> None:
    labels = f"{HEAD},timestamp\ni0,a0,x,2020-01-02T03:04:05\ni0,a1,y,2020-01-02T03:04:05+02:00\ni1,a0,x,\n"
    done = _import(_folder(tmp_path, labels=labels, spans="item_id,annotator_id,spans\n"))
    first, second, third = Annotation.objects.order_by("pk")
    assert (first.answered_at.hour, second.answered_at.hour) == (3, 1)
    assert third.answered_at.year >= 2026
    assert done.left_out == ("spans.csv is not used: it holds answers to another kind of question.",)


def test_the_most_contested_become_disputes_when_asked_for(tmp_path: Path) -> None:
    done = _import(_folder(tmp_path))
    open_before = Task.objects.filter(state="open").count()
    assert importing.open_disputes(queue=done.queue, limit=2, by=None) == min(2, open_before)
    dispute = Dispute.objects.order_by("-disagreement").first()
    assert dispute is not None
    assert dispute.disagreement == pytest.approx(2 / 3)


def test_the_measurement_equals_one_made_by_hand(tmp_path: Path) -> None:
    """Four items, two annotators, one disagreement: Ao = 3/4; alpha from the coincidence matrix by hand."""
    labels = "item_id,annotator_id,label\n" + "".join(
        f"i{item},a{person},{value}\n"
        for item, values in enumerate(("xx", "yy", "xx", "xy"))
        for person, value in enumerate(values)
    )
    done = _import(_folder(tmp_path, labels=labels, gold="item_id,label\ni0,x\ni3,x\n"))
    one = measuring.compute(spec=done.version.spec)[0].as_dict()
    # Do = 2/8; n_x = 5, n_y = 3; De = 2*5*3/(8*7)
    assert one["percent_agreement"] == 0.75
    assert one["alpha"]["value"] == pytest.approx(1 - (2 / 8) / (30 / 56), abs=1e-6)
    assert one["majority_accuracy"] == 0.75
