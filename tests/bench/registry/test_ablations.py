"""Ablations: files of variants, their rows of other methods, their plans, results and table."""

import json
import sys

import pytest

from bench.cli.listing import clean, lines
from bench.cli.run_methods import RunOptions, run_methods
from bench.collect.fill import fill
from bench.collect.results import collect_variants
from bench.common.records import read_record
from bench.pipeline.planner import Choice, Session
from bench.registry.ablations import Ablation
from bench.registry.rows import Registry, Row
from bench.results import read_ablation

FILE = """
description: how wide it is, and something else altogether
paper: table4
reference: six
variants:
  narrow: {set: [model.coarse.width=3], paper: first, label: three wide}
  six: {set: [model.coarse.width=6], paper: second}
  other: {row: still, remark: another method}
"""


@pytest.fixture
def named(project, monkeypatch, tmp_path):
    """The toy talker as a package of its own with the ablation file ``size``."""
    folder = tmp_path / "packages" / "sized"
    (folder / "ablations").mkdir(parents=True)
    (folder / "__init__.py").write_text("from toy_talker import ToyTalker as Sized\n")
    source = project.toys / "talker" / "toy-mini.yaml"
    (folder / "toy-mini.yaml").write_text(source.read_text())
    (folder / "ablations" / "size.yaml").write_text(FILE)
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.delitem(sys.modules, "sized", raising=False)  # another test's, elsewhere
    params = project.root / "params.yaml"
    text = params.read_text().replace("[talker, still]", "[still, sized]\nablations: [sized-size]")
    params.write_text(text)
    return Registry({"sized": "sized:Sized", "still": "toy_still:ToyStill"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("variants: {}", "description: Field required"),
        ("description: d\nvariants: {}", "variants: Dictionary should have at least 1 item"),
        ("description: d\nvariants: {a: {row: b, set: [model.x=1]}}", "expected set or row, got"),
        ("description: d\nreference: b\nvariants: {a: {}}", "Unknown reference 'b'. Known: a"),
        ("description: d\nvariants: {a: {sett: [x]}}", "variants.a.sett: Extra inputs"),
    ],
)
def test_a_file_that_is_no_ablation_is_named_with_the_problem(text, problem, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        read_record(Ablation, path)
    assert str(path) in str(error.value) and problem in str(error.value)
    assert "\n" not in str(error.value)


def test_a_variant_may_be_another_row(named):
    assert named.row("sized-other") == Row(named.method("still"))
    plans = Session(Choice(device="cpu"), named).ablation("sized", "toy", [0], "size").plans
    assert [plan.row for plan in plans.values()] == ["sized-narrow", "sized-six", "still"]
    assert list(plans) == ["narrow", "six", "other"]


def test_a_variant_that_sets_nothing_new_is_the_methods_own_run(named):
    session = Session(Choice(device="cpu"), named)
    own = session.plan("sized", "toy", [0]).steps
    plans = session.ablation("sized", "toy", [0], "size").plans
    assert [s.key for s in plans["six"].steps] == [s.key for s in own]
    assert not {s.key for s in plans["narrow"].steps} & {s.key for s in own}


def test_overrides_are_for_the_method_that_is_asked_for(named, capsys):
    overrides = ("train.coarse.lr=0.25",)
    session = Session(Choice(device="cpu", overrides=overrides), named)
    plans = session.ablation("sized", "toy", [0], "size").plans
    rates = [plans[v].plans[0][0].run.preset.train["coarse"].lr for v in ("narrow", "six")]
    assert rates == [0.25, 0.25]
    still = Session(Choice(device="cpu"), named).plan("still", "toy", [0])
    assert [s.key for s in plans["other"].steps] == [s.key for s in still.steps]
    asked = {"methods": ("sized",), "ablation": "size", "device": "cpu", "dry_run": True}
    assert run_methods(RunOptions(**asked, overrides=overrides), named) == 0
    assert "still: a row of its own, without the overrides" in capsys.readouterr().out


def test_a_row_that_leads_back_to_itself_is_refused(named):
    path = find_path(named)
    path.write_text("description: d\nvariants: {a: {row: sized-b}, b: {row: sized-a}}\n")
    with pytest.raises(ValueError, match="back to itself: sized-a -> sized-b -> sized-a"):
        named.row("sized-a")


def test_an_ablation_has_a_name_of_its_method_and_its_file(named):
    assert named.ablation("sized-size") == ("sized", "size")
    for name, problem in {
        "sized": "expected method-ablation, got 'sized'",
        "sized-sise": "Unknown ablation of sized 'sise'. Did you mean 'size'",
        "nothing-size": "Unknown method 'nothing-size'",
    }.items():
        with pytest.raises(ValueError, match=problem):
            named.ablation(name)


def test_fill_computes_every_variant_once_and_collect_writes_one_file(named, project, capsys):
    assert fill(None, 0, named) == 0
    # oracle 1, still 3 (a row and a variant), sized 4 (a row and a variant), narrow 4
    assert "12 steps to do" in capsys.readouterr().out
    collect_variants("toy", "sized-size")
    results = read_ablation(project.root / "results/toy/ablations/sized-size.json")
    assert (results.method, results.name, results.paper) == ("sized", "size", "table4")
    assert results.reference == "six"
    rows = {row.variant: row for row in results.rows}
    assert [(r.label, r.paper, r.remark) for r in rows.values()] == [
        ("three wide", "first", ""),
        ("six", "second", ""),
        ("other", "", "another method"),
    ]
    assert all(row.results.runs[0].status == "done" for row in rows.values())
    assert (rows["other"].results.method, rows["six"].results.variant) == ("still", "six")
    values = {v: row.results.runs[0].value("test_a", "lve") for v, row in rows.items()}
    assert values["narrow"] != values["six"]
    assert list(clean(False)) == ["0 entries, 0.0 MB would be removed; add --yes to delete"]


def test_fill_removes_results_of_ablations_that_are_planned_no_more(named, project):
    folder = project.root / "results" / "toy" / "ablations"
    folder.mkdir(parents=True)
    for name in ("sized-size", "sized-gone"):
        (folder / f"{name}.json").write_text("{}")
    assert fill(None, 0, named) == 0
    assert [path.name for path in folder.iterdir()] == ["sized-size.json"]


def test_a_failed_variant_is_a_row_with_its_reason(named, project):
    path = find_path(named)
    path.write_text(FILE.replace("model.coarse.width=3", "model.fault=raise"))
    assert fill(None, 0, named) == 0
    collect_variants("toy", "sized-size")
    results = read_ablation(project.root / "results/toy/ablations/sized-size.json")
    statuses = [row.results.runs[0].status for row in results.rows]
    assert statuses == ["failed", "done", "done"]
    assert "the toy broke on purpose" in results.rows[0].results.runs[0].reason


def find_path(registry):
    return registry.method("sized").folder / "ablations" / "size.yaml"


def test_the_command_prints_one_table_with_a_line_per_variant(named, capsys):
    options = RunOptions(methods=("sized",), ablation="size", device="cpu", workers=0, seeds=(0, 1))
    assert run_methods(options, named) == 0
    text = capsys.readouterr().out
    words = " ".join(text.split())
    assert "sized-size on toy, test_a" in words
    assert "generated data: no reproduction of the paper" in words
    assert text.count("2 of 2") == 3 and "+-" in text and "lve (mm^2)" in text
    assert all(variant in text for variant in ("narrow", "six", "other"))


def test_ablations_are_listed_with_their_variants(named):
    found = "\n".join(lines("ablations", named))
    assert "sized-size" in found and "how wide it is" in found
    assert "variants: narrow, six, other" in found


def test_an_ablation_of_an_older_schema_is_migrated(named, project):
    assert fill(None, 0, named) == 0
    collect_variants("toy", "sized-size")
    path = project.root / "results/toy/ablations/sized-size.json"
    expected = read_ablation(path)
    document = json.loads(path.read_text())
    document["schema_version"] = 1
    for row in document["rows"]:
        row["results"]["schema_version"] = 1
    path.write_text(json.dumps(document))
    assert read_ablation(path) == expected


@pytest.mark.parametrize("key", ["model.autoencoder.codes", "model.autoencoder"])
def test_an_override_of_what_the_variants_differ_in_is_refused(key, tmp_path, project, table):
    """Else every row would be the same run under another name."""
    path = tmp_path / "mine.yaml"
    path.write_text("description: d\nvariants: {a: {set: [model.autoencoder.codes=3]}, b: {}}\n")
    session = Session(Choice(overrides=(f"{key}=4",)), table)
    with pytest.raises(ValueError, match=f"the ablation .*mine.yaml varies {key} itself"):
        session.ablation("talker", "toy", (0,), str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("variants: {a: {set: [model.nosuch=3]}}", "mine.yaml, variant a: .*Unknown key 'nosuch'"),
        ("variants: {a: {set: [model.hidden]}}", "mine.yaml, variant a: .*expected section.key"),
        ("variants: {a: {row: nosuch}}", "mine.yaml, variant a: Unknown method 'nosuch'"),
        (
            "variants: {a: {}, b: {}, a: {set: [x.y=1]}}",
            "mine.yaml is not .*: 'a' is there twice",
        ),
        ("variants: {imported: {}}", "a variant cannot be called 'imported'"),
        ("variants: {a b/../c: {}}", "a variant cannot be called 'a b/../c'"),
        ("variants: {a: {}}\nreference: b", "mine.yaml: Value error, Unknown reference 'b'"),
    ],
)
def test_a_mistake_in_a_users_file_names_the_file_and_the_variant(
    text, words, tmp_path, project, table
):
    path = tmp_path / "mine.yaml"
    path.write_text(f"description: d\n{text}\n")
    with pytest.raises(ValueError, match=words) as raised:
        Session(Choice(), table).ablation("talker", "toy", (0,), str(path))
    assert "\n" not in str(raised.value)


def test_a_folder_in_place_of_a_file_is_one_line(tmp_path, project, table):
    (tmp_path / "d.yaml").mkdir()
    with pytest.raises(ValueError, match=r"d\.yaml cannot be read: Is a directory"):
        Session(Choice(), table).ablation("talker", "toy", (0,), str(tmp_path / "d.yaml"))
