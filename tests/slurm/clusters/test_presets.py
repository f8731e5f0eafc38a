"""Cluster presets: those that come along are valid, mistakes are told in one line."""

import pytest
import yaml

from slurm.clusters.presets import known_clusters, load_cluster
from slurm.clusters.sbatch import flags, parameters, setup_lines

GOOD = {"scheduler": "slurm", "classes": {"a": {"time": "01:30:00"}}, "rules": [{"use": "a"}]}


def write(tmp_path, **changes):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD | changes))
    return str(path)


@pytest.mark.parametrize("name", known_clusters())
def test_presets_that_come_along_are_valid(name):
    cluster = load_cluster(name)
    assert cluster.scheduler == ("debug" if name == "debug" else "slurm")


def test_the_gpu_example_gives_each_stage_its_own_class(plan):
    cluster = load_cluster("example-gpu")
    assert cluster.uses_gpus
    found = [cluster.class_of(step) for step in plan()]
    assert found == ["long", "long", "short", "cpu"]
    lines = flags(parameters(cluster, cluster.classes["long"], "bench-x-0"))
    for line in (
        "--partition=gpu",
        "--account=faces",
        "--constraint=a100",
        "--gpus-per-node=1",
        "--cpus-per-task=8",
        "--mem=49152M",
        "--time=1440",
        "--signal=USR2@180",
        "--kill-on-invalid-dep=yes",
        "--job-name=bench-x-0",
        "--requeue",
    ):
        assert f"#SBATCH {line}" in lines
    assert not any("export" in line for line in lines)  # the submitting environment


def test_an_environment_of_its_own_is_said_to_sbatch(tmp_path):
    cluster = load_cluster("example-container")
    lines = flags(parameters(cluster, cluster.classes["cpu"], "n"))
    assert "#SBATCH --export=NONE" in lines and "#SBATCH --exclude='node[7-8]'" in lines
    lines = setup_lines(load_cluster("example-gpu"), tmp_path)
    assert lines[:2] == ["module purge", "module load cuda/12.6"]
    assert any(line.startswith(f"export PYTHONPATH={tmp_path}") for line in lines)
    assert {"export HF_HUB_OFFLINE=1", "export OMP_NUM_THREADS=1"} <= set(lines)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classes": {"a": {"time": 630}}}, "quotes, got the number 630"),
        ({"classes": {"a": {"time": "soon"}}}, 'expected "HH:MM:SS" or "D-HH:MM:SS", got \'soon\''),
        ({"rules": [{"use": "b"}]}, "Unknown class 'b'"),
        ({"classes": {"a": {"gpus": 2}}}, "less than or equal to 1"),
        ({"partition": "gpu"}, "Extra inputs are not permitted"),
        ({"scheduler": "debug", "setup": ["module load x"]}, "setup and python are for"),
        ({"scheduler": "local"}, "Input should be 'slurm' or 'debug'"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_place(changes, said, tmp_path):
    path = write(tmp_path, **changes)
    with pytest.raises(ValueError, match="mine.yaml: ") as caught:
        load_cluster(path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_names_and_files_that_are_not_there():
    with pytest.raises(ValueError, match="Unknown cluster 'slrum'. Did you mean 'slurm'"):
        load_cluster("slrum")
    with pytest.raises(ValueError, match="nowhere.yaml does not exist"):
        load_cluster("nowhere.yaml")


def test_times_are_minutes_rounded_up(tmp_path):
    for text, minutes in (("00:00:30", 1), ("01:30", 90), ("1-02:00:00", 26 * 60)):
        path = write(tmp_path, classes={"a": {"time": text}})
        assert load_cluster(path).classes["a"].minutes == minutes
