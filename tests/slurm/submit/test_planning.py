"""What is submitted, what is refused, and what is shown before anything is."""

from contextlib import redirect_stdout
from io import StringIO

import pytest
from places import Place

from bench.pipeline.planner import Choice, Session
from slurm.commands import SubmitOptions, submit
from slurm.submissions.ledger import Asked
from slurm.submit.planning import parse_names, parse_seeds, plan


@pytest.fixture
def session(project, table):
    return Session(Choice(device="cpu", elsewhere=True), table)


@pytest.fixture
def dry(project, table):
    """A function that shows a plan and submits nothing: (exit code, what it said)."""
    place = Place("slurm", project.root, table)

    def show(*overrides, preset=None, **asked):
        chosen = {"methods": ("talker",), "datasets": ("toy",), "seeds": (0, 1), "device": "cpu"}
        options = SubmitOptions(
            Asked(**(chosen | asked), overrides=overrides),
            preset or place.write_preset(max_array_size=100),
            dry_run=True,
        )
        with redirect_stdout(StringIO()) as out:
            code = submit(options, table)
        assert not place.ledger.root.exists() and not place.cache.root.exists()
        return code, out.getvalue()

    return show


@pytest.mark.parametrize(
    ("text", "seeds"), [("0..2", (0, 1, 2)), ("7", (7,)), ("0,2, 4..5,2", (0, 2, 4, 5))]
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "2..0", "0..", "0...2", "-1"])
def test_what_is_no_range_of_seeds_is_refused(text):
    with pytest.raises(ValueError, match="--seeds: expected numbers and ranges such as 0..2,7"):
        parse_seeds(text)


def test_names_are_parted_by_commas():
    assert parse_names("biwi, vocaset,,biwi") == ("biwi", "vocaset")


def test_all_methods_are_the_rows_of_the_tables(session):
    planned = plan(session, Asked(methods=("all",)))
    assert {step.run.method for step in planned.steps} == {"talker", "still"}
    assert len(planned.steps) == 4 + 3 and not planned.refused and not planned.skipped


def test_what_lacks_data_is_refused_with_what_to_do_and_the_rest_is_planned(session):
    asked = Asked(methods=("still",), datasets=("biwi", "toy"))
    planned = plan(session, asked)
    assert list(planned.refused) == ["biwi"]
    assert "'biwi' is not prepared in " in planned.refused["biwi"]
    assert planned.refused["biwi"].endswith("run: bench prepare biwi")
    assert {step.run.dataset for step in planned.steps} == {"toy"}


def test_what_lacks_weights_is_refused_with_what_to_do(session, monkeypatch):
    """Jobs run offline: a preset that names weights which are not here cannot be submitted."""
    from bench.weights.fetch import Source

    monkeypatch.setattr("slurm.submit.planning.sources_in", lambda model: [Source("who/speech")])
    planned = plan(session, Asked(methods=("still",)))
    assert not planned.steps
    assert planned.refused == {
        "still on toy": "jobs run offline and who/speech is not here; run: bench fetch"
    }


def test_an_ablation_is_submitted_with_all_its_variants(project, table, session):
    folder = project.root / "widths.yaml"
    folder.write_text(
        "description: widths\nvariants:\n  narrow: {set: [model.coarse.width=2]}\n  usual: {}\n"
    )
    planned = plan(session, Asked(methods=("talker",), ablation=str(folder)))
    assert len(planned.steps) == 8
    with pytest.raises(ValueError, match="no method has it"):
        plan(session, Asked(methods=("all",), ablation="nothing"))


def test_a_dry_run_shows_arrays_parameters_and_hours_and_submits_nothing(dry):
    code, said = dry()
    assert code == 0
    for part in (
        "0 of 8 steps are cached",
        "task by task after 0",
        "train/coarse: talker",
        "sbatch parameters of class any:",
        "#SBATCH --mem=2048M",
        "#SBATCH --signal=USR2@40",
        "8 jobs in 4 arrays",
    ):
        assert part in said
    assert dry(preset="debug")[0] == 0


def test_the_exit_code_says_that_something_was_refused(dry, capsys):
    code, _ = dry(datasets=("biwi", "toy"))
    assert code == 1
    assert "error: biwi is not submitted: " in capsys.readouterr().err


def test_a_gpu_of_the_cluster_need_not_be_here(dry, project, table):
    session = Session(Choice(device="cuda", elsewhere=True), table)
    assert plan(session, Asked(methods=("still",))).steps[0].run.device == "cuda"
    code, said = dry(device="auto", preset="example-gpu")
    assert code == 0 and "--gpus-per-node=1" in said
