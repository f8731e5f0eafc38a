"""A laboratory shares prepared clips over a remote of its own; raw files stay where they are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "methods", "reports", "slurm")

pytestmark = [
    pytest.mark.xdist_group("remote"),
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]


class Member:
    """Someone of the laboratory, with a clone."""

    def __init__(self, root: Path, code: Path):
        self.root = root
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("BENCH_")},
            "PYTHONPATH": str(code),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(root.with_name(f"{root.name}-site")),
            "OMP_NUM_THREADS": "1",
        }

    def type(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def first(tmp_path_factory, releases):
    """The member who has the raw files of VOCASET."""
    folder = tmp_path_factory.mktemp("laboratory")
    root, code = folder / "first", folder / "code"
    ignore = shutil.ignore_patterns("__pycache__", ".*", "tables", "figures", "site")
    code.mkdir()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=ignore)
        (code / package).symlink_to(root / package)
    for name in ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, root / name)
    params = (root / "params.yaml").read_text()
    params = params.replace("datasets: [synthetic]", "datasets: [vocaset]", 1)
    (root / "params.yaml").write_text(params.replace("profile: mini", "profile: smoke", 1))
    releases.write("vocaset", root / "raw/vocaset", root / "datasets")
    member = Member(root, code)
    member.type(
        "git init -q && dvc init -q && git config user.email a@b.c && git config user.name a "
        f"&& dvc remote add -q -d private {folder}/remote"
    )
    return member


def test_one_prepares_and_pushes_and_another_pulls_and_trains_without_raw_files(first):
    printed = first.type("dvc repro data@vocaset && dvc push -q data@vocaset")
    assert "7 clips: train 4 of 4, val 1 of 1, test_b 2 of 2" in printed
    first.type("git add -A && git commit -qm prepared")
    tracked = first.type("git ls-files").splitlines()
    assert not any(path.startswith(("raw/", "data/")) for path in tracked)
    second = Member(first.root.with_name("second"), Path(first.environment["PYTHONPATH"]))
    first.type(f"git clone -q . {second.root}")
    printed = second.type("dvc pull -q data@vocaset && dvc repro data@vocaset")
    assert "the clips in data/vocaset are kept; there are no raw files" in printed
    clips = "cd data/vocaset && find . -type f | sort | xargs sha256sum"
    assert second.type(clips) == first.type(clips)
    assert "lve" in second.type("bench run -m mean -d vocaset")
