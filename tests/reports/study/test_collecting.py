"""Answer files: those that count, those that are refused and why, and Table 2 made of them."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from reports.inputs.published import read_published
from reports.study.__main__ import app
from reports.study.answers import collect_answers
from reports.study.records import Difference, read_summaries
from reports.study.summarising import summarise
from reports.study.table2 import NO_ANSWERS, comparable, table2, table2_of, verdict
from reports.tables import build_tables
from reports.text.grid import to_markdown
from reports.text.labels import GROUND_TRUTH


def reasons(key, *paths):
    return {each.file: each.reason for each in collect_answers(paths, key).refused}


def edited(path, change):
    """The file after a change of its document."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def set_answer(**fields):
    return lambda document: document["answers"][0].update(fields)


def test_careful_people_count(key, answer):
    found = collect_answers([answer("p2"), answer("p1")], key)
    assert [each.participant for each in found.accepted] == ["p1", "p2"]
    assert found.refused == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(study="ffffffffffffffff"), "answers of another study"),
        (lambda d: d.update(format="something else"), "not an answer file: format"),
        (lambda d: d.update(finished=None), "a progress file"),
        (lambda d: d.update(finished="yesterday"), "not an answer file: finished"),
        (lambda d: d.update(participant="../../x"), "not an answer file: participant"),
        (lambda d: d.update(session="short"), "not an answer file: session"),
        (lambda d: d.update(more=1), "not an answer file: more: Extra inputs"),
        (lambda d: d.pop("started"), "not an answer file: started: Field required"),
        (lambda d: d["answers"].pop(), "incomplete: 11 of 12 clips are rated"),
        (lambda d: d["answers"].append(d["answers"][0]), "is rated twice"),
        (set_answer(stimulus="00000000"), "stimulus 00000000 is not in this study"),
        (set_answer(realism=6), "answers.0.realism: Input should be less than or equal to 5"),
        (set_answer(lip_sync=0), "answers.0.lip_sync: Input should be greater than or equal to 1"),
        (set_answer(realism="4"), "answers.0.realism: Input should be a valid integer"),
        (set_answer(realism=4.5), "answers.0.realism: Input should be a valid integer"),
        (set_answer(realism=True), "answers.0.realism: Input should be a valid integer"),
        (set_answer(plays=0), "answers.0.plays"),
        (set_answer(seconds=float("nan")), "answers.0.seconds"),
        (set_answer(seconds=-1), "answers.0.seconds"),
    ],
)
def test_a_file_that_is_wrong_is_refused_and_the_others_count(key, answer, change, reason):
    wrong = edited(answer("p1"), change)
    found = collect_answers([wrong, answer("p2")], key)
    assert [each.participant for each in found.accepted] == ["p2"]
    assert [each.file for each in found.refused] == ["p1.json"]
    assert reason in found.refused[0].reason and "\n" not in found.refused[0].reason


@pytest.mark.parametrize("contents", [b"", b"\xff\xfe\x00", b"[1, 2]", b"{", b"null", b"1"])
def test_what_is_no_answer_file_is_refused(key, answer, tmp_path, contents):
    (tmp_path / "x.json").write_bytes(contents)
    found = reasons(key, tmp_path / "x.json", tmp_path / "absent.json", answer("p1"))
    assert found["x.json"].startswith("is not an answer file")
    assert found["absent.json"].startswith("cannot be read")


def test_whoever_does_not_look_or_listen_is_refused(key, answer):
    def no_eyes(stimulus, question):
        return 3 if stimulus.check and stimulus.check.kind == "frozen" else 1

    def no_ears(stimulus, question):
        return 4 if stimulus.check and stimulus.check.kind == "other_sound" else 1

    def lenient(stimulus, question):
        return stimulus.check.at_most if stimulus.check and question == "lip_sync" else 5

    found = reasons(key, answer("eyes", no_eyes), answer("ears", no_ears), answer("ok", lenient))
    assert found == {
        "eyes.json": "attention check failed: lip sync 3 for a face that stands still while it is "
        "heard to speak, at most 2",
        "ears.json": "attention check failed: lip sync 4 for a face with another sentence's sound, "
        "at most 3",
    }


def test_nobody_counts_twice(key, answer, tmp_path):
    first = answer("p1", name="a")
    shutil.copyfile(first, first.with_name("b.json"))
    second = answer("p1", name="c", session="ab" * 16)
    renamed = answer("p9", name="d", session=json.loads(first.read_text())["session"])
    found = collect_answers([second, renamed, first.parent], key)  # files come by name
    assert [each.participant for each in found.accepted] == ["p1"]
    assert {each.file: each.reason for each in found.refused} == {
        "b.json": "the same file as a.json",
        "c.json": "participant p1 has handed in answers already",
        "d.json": "the same answers as a.json under another code",
    }


def test_who_fails_an_attention_check_gets_no_second_try(key, answer, tmp_path):
    """Neither under the same code, nor in the same session under another one."""
    asleep = answer("p1", lambda stimulus, question: 5, name="a")
    session = json.loads(asleep.read_text())["session"]
    others = [answer("p1", name="b", session="ab" * 16), answer("p2", name="c", session=session)]
    found = collect_answers([asleep, *others, answer("p3", name="d")], key)
    assert [each.participant for each in found.accepted] == ["p3"]
    reasons = {each.file: each.reason for each in found.refused}
    assert reasons["a.json"].startswith("attention check failed")
    again = "the same person as a.json, which failed an attention check"
    assert (reasons["b.json"], reasons["c.json"]) == (again, again)


def test_scores_are_means_over_people_and_clips_without_the_checks(key, answer):
    def cold(stimulus, question):
        return 1

    summary = summarise(collect_answers([answer("p1"), answer("p2"), answer("p3", cold)], key), key)
    means = {(s.row, s.question): s.mean for s in summary.scores}
    assert means[GROUND_TRUTH, "realism"] == pytest.approx((5 + 5 + 1) / 3)
    assert means["gldi", "lip_sync"] == pytest.approx((4 + 4 + 1) / 3)
    assert means["faceformer", "realism"] == 1
    assert means["faceformer", "lip_sync"] == pytest.approx((2 + 2 + 1) / 3)
    assert {s.clips for s in summary.scores} == {2} and summary.raters == 3
    lower = {d.row: d.mean for d in summary.differences if d.question == "lip_sync"}
    assert lower["codetalker"] == pytest.approx(-2 / 3)
    assert GROUND_TRUTH not in lower and "gldi" not in lower
    assert all(a.videos == 10 and -1 <= a.ordinal < 1 for a in summary.agreement)


def test_people_who_agree_have_alpha_one(key, answer):
    summary = summarise(collect_answers([answer("p1"), answer("p2")], key), key)
    assert [(a.ordinal, a.interval) for a in summary.agreement] == [(1.0, 1.0), (1.0, 1.0)]


def command(built, results, *files):
    key = built[0].parent / "key.json"
    arguments = ["collect", *map(str, files), "--key", str(key), "--results", str(results)]
    return CliRunner().invoke(app, arguments)


def test_collect_fills_table_2(built, answer, invented, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(invented / "results", results)
    build_tables(results, tmp_path / "tables")
    before = (tmp_path / "tables" / "table2.md").read_text()
    assert before.count(NO_ANSWERS) == 8 * 3 and "3.94" in before
    done = command(built, results, answer("p1"), answer("p2"))
    assert done.exit_code == 0, done.stderr
    assert "2 participants, 0 files refused" in done.stdout
    build_tables(results, tmp_path / "tables")
    after = (tmp_path / "tables" / "table2.md").read_text()
    assert "| GLDiTalker | 4.00 \\[4.00, 4.00\\] | - |" in after
    assert "toy test\\_b (generated)" in after and "Generated data" in after
    assert "no: generated data" in after and "3.94" in after
    assert "p1" not in (results / "study" / built[1].study / "summary.json").read_text()


def test_collecting_again_gives_the_same_bytes(built, answer, tmp_path):
    files = [answer("p2"), answer("p1")]
    for name, given in (("a", files), ("b", files[::-1])):
        assert command(built, tmp_path / name, *given).exit_code == 0
    path = f"study/{built[1].study}/summary.json"
    assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_refusals_are_said_and_make_the_command_fail(built, answer, tmp_path):
    wrong = edited(answer("p1"), set_answer(realism=9))
    files = [wrong, answer("p2")]
    result = command(built, tmp_path, *files)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "refused: p1.json: is not an answer file: answers.0.realism: Input should be less than or "
        "equal to 5"
    ]
    assert read_summaries(tmp_path)[0].raters == 1  # the other one counts
    assert command(built, tmp_path, *files, "--allow-refused").exit_code == 0


def test_where_no_file_counts_nothing_is_written(built, answer, tmp_path):
    result = command(built, tmp_path, edited(answer("p1"), set_answer(realism=9)))
    assert result.exit_code == 1
    assert "error: no answer file counts" in result.stderr
    assert read_summaries(tmp_path) == ()


def test_a_summary_that_is_none_is_named(tmp_path):
    (tmp_path / "study" / "x").mkdir(parents=True)
    (tmp_path / "study" / "x" / "summary.json").write_text("{}")
    with pytest.raises(ValueError, match="x/summary.json is not the summary of a study: study"):
        table2(tmp_path)


@pytest.mark.parametrize(
    ("changes", "clips", "reason"),
    [
        ({}, 20, "other raters saw other clips"),
        ({"generated": True}, 20, "generated data"),
        ({"row": GROUND_TRUTH}, 20, "the paper has no such row"),
        ({"dataset": "multiface"}, 20, "the paper's study is on VOCASET-Test and BIWI-Test-B"),
        ({"split": "test_a"}, 20, "ours is on test_a, the paper's on BIWI-Test-B"),
        ({"profile": "mini"}, 20, "profile mini is smaller"),
        ({"speech_encoder": "none"}, 20, "speech encoder facebook/hubert-base-ls960"),
        ({}, 5, "5 clips, the paper's study has 20"),
    ],
)
def test_no_score_is_comparable_and_the_gravest_reason_is_given(key, changes, clips, reason):
    gldi = next(source for source in key.sources if source.row == "gldi")
    like_the_paper = {
        "dataset": "biwi",
        "generated": False,
        "profile": "paper",
        "speech_encoder": "facebook/hubert-base-ls960",
    }
    verdict = comparable(gldi.model_copy(update=like_the_paper | changes), clips, read_published())
    assert not verdict.comparable and reason in verdict.reason


def test_findings_say_what_is_shown_and_what_is_not(key, answer):
    def undecided(stimulus, question):
        return 1 if stimulus.check else 4 + (stimulus.clip == "F2_05")

    people = [answer(f"p{i}", undecided) for i in range(4)]
    grid = table2_of([summarise(collect_answers(people, key), key)], read_published())
    expected = "toy, realism, minus GLDiTalker: FaceFormer +0.00 [+0.00, +0.00], cannot be decided"
    assert f"{expected} with 2 clips" in grid.finding
    alone = table2_of([summarise(collect_answers([answer("p9")], key), key)], read_published())
    assert "FaceFormer -2.00, cannot be decided with 1 participant" in alone.finding
    assert "| 4.00 | - |" in to_markdown([alone])
    assert "not defined" in alone.notes[2]


@pytest.mark.parametrize(
    ("people", "clips", "low", "high", "words"),
    [
        (12, 20, -1.2, -0.4, "lower"),
        (6, 20, 0.4, 1.2, "higher"),
        (12, 20, -0.4, 0.2, "no difference shown"),
        (5, 20, -1.2, -0.4, "cannot be decided with 5 participants"),
        (12, 4, -1.2, -0.4, "cannot be decided with 4 clips"),
        (12, 1, None, None, "cannot be decided with 1 clip"),
    ],
)
def test_few_people_or_clips_decide_nothing(people, clips, low, high, words):
    names = {"dataset": "toy", "row": "voca", "reference": "gldi", "question": "realism"}
    found = Difference(**names, mean=(low or 0) / 2 + (high or 0) / 2, low=low, high=high)
    assert verdict(found, people, clips).endswith(f", {words}")
