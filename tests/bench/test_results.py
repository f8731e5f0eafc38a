"""The results files: written and read, of an older version, and what they refuse."""

import json

import pytest

from bench import results as module
from bench.results import (
    ClipScore,
    Heatmap,
    Listening,
    MethodResults,
    MetricScore,
    RunResult,
    SplitScores,
    read_results,
    write_results,
)

CLIP = ClipScore(clip="F1_05", subject="F1", style="F1", total=3.0, weight=2.0)
RUN = RunResult(
    seed=1,
    status="done",
    keys={"predict": "a", "evaluate": "b"},
    num_samples=3,
    splits={
        "test_a": SplitScores(
            conditioning="own style",
            frames_scored=2,
            frames_cut=1,
            metrics={
                "lve": MetricScore(value=1.5, clips=(CLIP,)),
                "fdd": MetricScore(value=None, clips=()),
            },
        )
    },
    listening=Listening(own=1.0, other=2.0, ratio=2.0),
    heatmap=Heatmap(mouth_share=None, ground_truth_mouth_share=0.7, correlation=None),
)
RESULTS = MethodResults(
    dataset="toy",
    method="talker",
    profile="mini",
    generated=True,
    unit="m",
    unit_to_mm=1000.0,
    deterministic=False,
    speech_encoder="loudness",
    masks={"mouth": "ab"},
    metric_versions={"lve": 1},
    numerical_floor=1e-9,
    versions={"torch": "2.13.0"},
    runs=(RUN, RunResult(seed=2, status="failed", reason="it broke")),
)


@pytest.fixture
def path(tmp_path):
    write_results(tmp_path / "talker.json", RESULTS)
    return tmp_path / "talker.json"


def change(path, **entries):
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_results_come_back_as_they_were_written(path):
    assert read_results(path) == RESULTS


def test_the_same_results_are_the_same_bytes(path, tmp_path):
    write_results(tmp_path / "again.json", read_results(path))
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_value_is_found_by_split_and_metric():
    assert RUN.value("test_a", "lve") == 1.5
    assert [RUN.value(*place) for place in (("test_a", "fdd"), ("test_a", "mve"))] == [None, None]
    assert RUN.value("test_b", "lve") is None


def test_older_results_are_migrated_one_version_at_a_time(path, monkeypatch):
    def from_minus_one(document):
        return document | {"schema_version": 0, "profile": document.pop("suffix")}

    def from_zero(document):
        return document | {"schema_version": 1, "method": document["method"].lower()}

    monkeypatch.setattr(
        module, "MIGRATIONS", {-1: from_minus_one, 0: from_zero} | module.MIGRATIONS
    )
    old = json.loads(path.read_text()) | {"schema_version": -1, "method": "TALKER"}
    old["suffix"] = old.pop("profile")
    path.write_text(json.dumps(old))
    assert read_results(path) == RESULTS


@pytest.mark.parametrize("version", [5, 0, None, "1"])
def test_an_unknown_version_says_what_this_suite_reads(version, path):
    change(path, schema_version=version)
    with pytest.raises(
        ValueError, match=rf"talker\.json: results schema {version!r} is not known; "
    ):
        read_results(path)


def test_results_of_before_there_were_facts_go_by_the_short_name(path):
    old = json.loads(path.read_text()) | {"schema_version": 3}
    del old["facts"]
    path.write_text(json.dumps(old))
    assert read_results(path) == RESULTS and RESULTS.facts.label == ""


def test_a_wrong_entry_is_named_with_its_place(path):
    document = json.loads(path.read_text())
    document["runs"][0]["status"] = "fine"
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"talker\.json: runs\.0\.status: .*; run: dvc repro"):
        read_results(path)


def test_an_unknown_entry_is_refused(path):
    change(path, colour="red")
    with pytest.raises(ValueError, match=r"talker\.json: colour: Extra inputs are not permitted"):
        read_results(path)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "3"])
def test_a_file_that_is_no_results_is_named(text, path):
    path.write_text(text)
    with pytest.raises(ValueError, match=r"talker\.json"):
        read_results(path)


def test_a_number_that_is_none_is_never_written_as_one(tmp_path):
    broken = RESULTS.model_copy(update={"numerical_floor": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results(tmp_path / "broken.json", broken)
    assert not list(tmp_path.iterdir())
