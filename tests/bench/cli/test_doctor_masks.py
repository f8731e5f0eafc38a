"""`bench doctor` on region files: which is used, and where a missing one would belong."""

import pytest

from bench.cli.doctor import examine
from bench.registry.rows import Registry


@pytest.fixture
def findings(tmp_path, monkeypatch):
    """A function that returns what the doctor says of masks, by dataset and mask."""
    monkeypatch.setenv("BENCH_RAW", str(tmp_path))

    def look():
        masks = [finding for finding in examine(Registry({})) if finding.what == "mask"]
        return {finding.text.partition(":")[0]: finding for finding in masks}

    return look


def test_without_a_file_it_says_where_to_put_which_and_what_stands_in(findings, tmp_path):
    finding = findings()["vocaset, mouth"]
    assert finding.level == "note"
    assert f"no file in {tmp_path / 'vocaset'}/" in finding.text
    assert "a box stands in, labelled geometric fallback" in finding.text
    assert "regions/lve.txt (FaceDiffuser and ProbTalk3D), or FLAME_masks.pkl" in finding.fix


def test_a_file_that_is_there_is_named_and_the_others_are_still_missed(findings, tmp_path):
    path = tmp_path / "biwi" / "regions" / "lve.txt"
    path.parent.mkdir(parents=True)
    path.write_text("1, 2")
    found = findings()
    assert (found["biwi, mouth"].level, found["biwi, upper_face"].level) == ("ok", "note")
    assert str(path) in found["biwi, mouth"].text
