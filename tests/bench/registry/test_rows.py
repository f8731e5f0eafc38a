"""Rows: a method, or a method in a variant of its ablation files, by one name everywhere."""

import numpy as np
import pytest

from bench.cli.listing import lines
from bench.cli.run_methods import RunOptions, run_methods
from bench.collect.fill import fill
from bench.collect.results import collect, collect_figures, means, results_of
from bench.common.terminal import console
from bench.pipeline.planner import Choice, Session
from bench.registry.rows import Row, find_row, known_rows, row_name
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
    assert find_row("spoken", toys_table) == Row("spoken", "toy_published:ToyPublished")
    loud = find_row("spoken-loud", toys_table)
    assert (loud.name, loud.method, loud.variant) == ("spoken-loud", "spoken", "loud")
    assert loud.set == ("model.sampling.size=0.05",)
    assert find_row("spoken-imported", toys_table).variant == "imported"
    assert row_name("spoken", "default") == "spoken"


def test_a_class_in_a_module_may_have_a_variant_too(toys_table):
    row = find_row("toy_published:ToyPublished-loud", toys_table)
    assert (row.name, row.reference) == ("toy_published-loud", "toy_published:ToyPublished")


def test_a_method_of_exactly_that_name_comes_first_then_the_longest(toys_table, install):
    long = install("far_away", grid="{loud: {set: [model.a=1]}}")
    table = toys_table | {"spoken-loud": long}
    assert find_row("spoken-loud", table) == Row("spoken-loud", long)
    assert find_row("spoken-loud-loud", table).reference == long


def test_an_unknown_row_names_the_nearest(toys_table):
    with pytest.raises(ValueError, match=r"Unknown variant of spoken 'lout'\. Did you mean 'loud'"):
        find_row("spoken-lout", toys_table)
    with pytest.raises(ValueError, match=r"method 'spokn-loud'\. Did you mean 'spoken-loud'\?"):
        find_row("spokn-loud", toys_table)
    assert "spoken-imported" in list(known_rows(toys_table))
    assert "still-imported" not in list(known_rows(toys_table))


def test_a_variant_must_mean_one_thing(install):
    same = install("same", one="{a: {set: [model.x=1]}}", two="{a: {set: [model.x=1]}}")
    assert find_row("same-a", {"same": same}).set == ("model.x=1",)
    two = install("two", one="{a: {set: [model.x=1]}}", two="{a: {set: [model.x=2]}}")
    with pytest.raises(ValueError, match="two.yaml: variant 'a' has another set in another file"):
        find_row("two-a", {"two": two})
    taken = install("taken", one="{imported: {}, a: {}}")
    with pytest.raises(ValueError, match="a variant cannot be called 'imported'"):
        find_row("taken-a", {"taken": taken})


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
    assert fill(None, 0, toys_table, console()) == 0
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
    assert run_methods(options, toys_table, console()) == 0
    assert "spoken-quiet on toy, test_a" in " ".join(capsys.readouterr().out.split())
    results = results_of(session, session.plan("spoken-quiet", "toy", [0]))
    assert results.runs[0].status == "done" and results.deterministic


def test_a_false_claim_fails_the_run_with_its_reason(project, toys_table, capfd):
    options = RunOptions(
        methods=("spoken",), overrides=("predict.deterministic=true",), device="cpu", workers=0
    )
    assert run_methods(options, toys_table, console()) == 1
    assert "predict() drew noise, but this row is declared determin" in capfd.readouterr().err


def test_methods_are_listed_with_their_rows(project, toys_table):
    found = list(lines("methods", toys_table))
    assert "             variants: spoken-quiet, spoken-loud, spoken-wide" in found
    assert not any("imported" in line for line in found)
