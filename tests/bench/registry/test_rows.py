"""Rows: a method, or a method in a variant of its ablation files, by one name everywhere."""

import numpy as np
import pytest

from bench.cli.listing import lines
from bench.cli.run_methods import RunOptions, run_methods
from bench.collect.fill import fill
from bench.collect.results import collect, collect_figures, means, results_of
from bench.pipeline.planner import Choice, Session
from bench.registry.methods import MethodEntry
from bench.registry.rows import Registry, Row, row_name
from bench.results import read_results


@pytest.fixture
def session(project, toys_table):
    return Session(Choice(device="cpu"), toys_table)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that writes a package with ablation files; returns its reference."""

    def make(name, **files):
        folder = tmp_path / "packages" / name / "ablations"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text("")
        for stem, variants in files.items():
            (folder / f"{stem}.yaml").write_text(f"description: d\nvariants: {variants}\n")
        monkeypatch.syspath_prepend(folder.parents[1])
        return f"{name}:Net"

    return make


def test_a_row_is_a_method_or_a_method_in_a_variant(toys_table):
    assert toys_table.row("spoken") == Row(MethodEntry("spoken", "toy_published:ToyPublished"))
    loud = toys_table.row("spoken-loud")
    assert (loud.name, loud.method.name, loud.variant) == ("spoken-loud", "spoken", "loud")
    assert loud.set == ("model.sampling.size=0.05",)
    assert toys_table.row("spoken-imported").variant == "imported"
    assert row_name("spoken", "default") == "spoken"


def test_a_class_in_a_module_may_have_a_variant_too(toys_table):
    row = toys_table.row("toy_published:ToyPublished-loud")
    assert (row.name, row.method.reference) == ("toy_published-loud", "toy_published:ToyPublished")


def test_a_method_of_exactly_that_name_comes_first_then_the_longest(toys_table, install):
    long = install("far_away", grid="{loud: {set: [model.a=1]}}")
    spoken = toys_table.method("spoken").reference
    table = Registry({"spoken": spoken, "spoken-loud": long})
    assert table.row("spoken-loud") == Row(MethodEntry("spoken-loud", long))
    assert table.row("spoken-loud-loud").method.reference == long


def test_an_unknown_row_names_the_nearest(toys_table):
    with pytest.raises(ValueError, match=r"Unknown variant of spoken 'lout'\. Did you mean 'loud'"):
        toys_table.row("spoken-lout")
    with pytest.raises(ValueError, match=r"method 'spokn-loud'\. Did you mean 'spoken-loud'\?"):
        toys_table.row("spokn-loud")
    assert "spoken-imported" in list(toys_table.rows())
    assert "still-imported" not in list(toys_table.rows())


def test_a_variant_must_mean_one_thing(install):
    same = install("same", one="{a: {set: [model.x=1]}}", two="{a: {set: [model.x=1]}}")
    assert Registry({"same": same}).row("same-a").set == ("model.x=1",)
    two = install("two", one="{a: {set: [model.x=1]}}", two="{a: {set: [model.x=2]}}")
    with pytest.raises(ValueError, match="two.yaml: variant 'a' has another set in another file"):
        Registry({"two": two}).row("two-a")
    taken = install("taken", one="{imported: {}, a: {}}")
    with pytest.raises(ValueError, match="a variant cannot be called 'imported'"):
        Registry({"taken": taken}).row("taken-a")


def test_variants_that_differ_in_sampling_share_their_training(session):
    plans = {
        row: session.plan(row, "toy", [0])
        for row in ("spoken", "spoken-quiet", "spoken-loud", "spoken-wide")
    }
    keys = {row: {s.name: s.key for s in plan.plans[0]} for row, plan in plans.items()}
    trained = {row: found["train/main"] for row, found in keys.items()}
    assert trained["spoken"] == trained["spoken-quiet"] == trained["spoken-loud"]
    assert trained["spoken"] != trained["spoken-wide"]
    assert len({found["predict"] for found in keys.values()}) == 4
    assert [plan.row for plan in plans.values()] == list(plans)
    assert [plan.deterministic for plan in plans.values()] == [False, True, False, False]


def test_an_ablation_is_not_asked_of_a_variant(session):
    with pytest.raises(ValueError, match="takes a method, not its variant spoken-loud"):
        session.ablation("spoken-loud", "toy", [0], "modes")
    plans = session.ablation("spoken", "toy", [0], "modes").plans
    rows = [plan.row for plan in plans.values()]
    assert rows == ["spoken-quiet", "spoken-loud", "spoken-wide"]


def test_rows_of_params_become_files_of_their_names(project, toys_table):
    params = project.root / "params.yaml"
    params.write_text(
        params.read_text().replace("[talker, still]", "[still, spoken, spoken-quiet]")
    )
    assert fill(None, 0, toys_table) == 0
    results = project.root / "results"
    plans = {path.name for path in (results / "plans" / "toy").iterdir()}
    assert plans == {"oracle.json", "still.json", "spoken.json", "spoken-quiet.json"}
    for row in ("spoken", "spoken-quiet"):
        collect("toy", row)
    collect_figures("toy")
    sampled = read_results(results / "toy" / "spoken.json")
    quiet = read_results(results / "toy" / "spoken-quiet.json")
    assert (quiet.method, quiet.variant, quiet.deterministic) == ("spoken", "quiet", True)
    assert (sampled.variant, sampled.deterministic) == ("default", False)
    assert (quiet.runs[0].num_samples, sampled.runs[0].num_samples) == (1, 2)
    assert means(quiet)["diversity"] == 0 < means(sampled)["diversity"]
    assert (results / "toy" / "spoken-quiet.metrics.json").exists()
    with np.load(results / "toy" / "heatmaps.npz", allow_pickle=False) as maps:
        assert {"spoken", "spoken-quiet", "clip/spoken-quiet", "ground_truth"} <= set(maps)


def test_a_row_runs_from_the_command_line(project, toys_table, session, capsys):
    options = RunOptions(methods=("spoken-quiet",), device="cpu", workers=0)
    assert run_methods(options, toys_table) == 0
    assert "spoken-quiet on toy, test_a" in " ".join(capsys.readouterr().out.split())
    results = results_of(session, session.plan("spoken-quiet", "toy", [0]))
    assert results.runs[0].status == "done" and results.deterministic


def test_a_false_claim_fails_the_run_with_its_reason(project, toys_table, capfd):
    options = RunOptions(
        methods=("spoken",), overrides=("predict.deterministic=true",), device="cpu", workers=0
    )
    assert run_methods(options, toys_table) == 1
    assert "predict() drew noise, but this row is declared determin" in capfd.readouterr().err


def test_methods_are_listed_with_their_rows(project, toys_table):
    found = list(lines("methods", toys_table))
    assert "             variants: spoken-quiet, spoken-loud, spoken-wide" in found
    assert not any("imported" in line for line in found)
