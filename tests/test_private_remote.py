"""A laboratory shares prepared clips over a remote of its own; raw files stay where they are."""

import shutil

import pytest
from repository import Copy

pytestmark = [
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]


@pytest.fixture(scope="module")
def first(tmp_path_factory, releases):
    """The member who has the raw files of VOCASET."""
    folder = tmp_path_factory.mktemp("laboratory")
    member = Copy(folder, datasets=["vocaset"])
    shutil.rmtree(member.root / "datasets" / "vocaset")
    releases.write("vocaset", member.root / "raw/vocaset", member.root / "datasets")
    member.type(
        "git config user.email a@b.c && git config user.name a "
        f"&& dvc remote add -q -d private {folder}/remote"
    )
    return member


def test_one_prepares_and_pushes_and_another_pulls_and_trains_without_raw_files(first):
    printed = first.type("dvc repro data@vocaset && dvc push -q data@vocaset")
    assert "7 clips: train 4 of 4, val 1 of 1, test_b 2 of 2" in printed
    first.type("git add -A && git commit -qm prepared")
    tracked = first.type("git ls-files").splitlines()
    assert not any(path.startswith(("raw/", "data/")) for path in tracked)
    second = first.cloned(first.root.with_name("second"))
    printed = second.type("dvc pull -q data@vocaset && dvc repro data@vocaset")
    assert "the clips in data/vocaset are kept; there are no raw files" in printed
    clips = "cd data/vocaset && find . -type f | sort | xargs sha256sum"
    assert second.type(clips) == first.type(clips)
    assert "lve" in second.type("bench run -m mean -d vocaset")
