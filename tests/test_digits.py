"""The proof of exact arithmetic: processors of two makers give the digits of this one.

qemu (package qemu-user) stands in for the other processors: `make test-digits`, minutes.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from repository import Copy, replace_in

from bench.common.arithmetic import why_native
from bench.common.files import files_below, read_json, sha256_of_file

EMULATED = ("EPYC", "Haswell-noTSX")
ROWS = ("ridge", "voca", "meshtalk-sampled", "faceformer", "codetalker", "facediffuser", "gldi")
STAGES = 10  # of these rows
# two steps of two clips and one validation of each stage
FEW = (
    *("train.steps=2", "train.batch_size=2", "train.validate_every=2", "train.log_every=1"),
    "predict.num_samples=1",
)
# what a processor needs a second for takes an emulated one minutes: two clips to train on, one of
# each other split, a narrow speech encoder, a short window of ridge
ONE_SUBJECT = {"seen: [F1, M1]": "seen: [F1]"}
SMALLER = {
    "kind: mel-hubert": {"hidden: 512": "hidden: 64", "feed_forward: 512": "feed_forward: 64"},
    "num_components: 32": {"num_components: 32": "num_components: 32, speech: {half_window: 4}"},
}
CRASHED = 128 + signal.SIGSEGV  # how a shell reports it
ABSENT = why_native() or (None if shutil.which("qemu-x86_64") else "qemu-x86_64 is not here")

pytestmark = [
    pytest.mark.digits,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        ABSENT is not None and "CI" not in os.environ, reason=f"{ABSENT} (Debian: qemu-user)"
    ),
]


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Processor -> file -> SHA-256, of prepared data and of every file that a step has left."""
    running, said = {}, tmp_path_factory.mktemp("said")
    for processor in ("native", *EMULATED):
        copy = Copy(tmp_path_factory.mktemp(processor))
        replace_in(copy.root / "datasets/synthetic/dataset.yaml", ONE_SUBJECT)
        for preset in copy.root.glob("methods/*/synthetic-mini.yaml"):
            for word, changes in SMALLER.items():
                if word in preset.read_text():
                    replace_in(preset, changes)
        running[processor] = copy.root, start(copy, processor, said / processor)
    found = {}
    try:
        for processor, (root, process) in running.items():
            code = process.wait()
            assert code == 0, f"{processor}: {(said / processor).read_text()[-3000:]}"
            found[processor] = digests_of(root)
    finally:
        for _, process in running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return found


def start(copy: Copy, processor: str, said: Path) -> "subprocess.Popen[bytes]":
    """Prepare, train, predict and score in one process of a processor, which writes into a file.

    qemu-user 7 crashes now and then where a process starts threads. After such a crash, and after
    nothing else, the run goes on from its last finished step.
    """
    bench = [sys.executable, "-P", "-m", "bench.cli.app"]
    if processor in EMULATED:
        bench = ["qemu-x86_64", "-cpu", processor, *bench]
    few = [word for each in FEW for word in ("--set", each)]
    rows = [word for row in ROWS for word in ("--method", row)]
    # workers 0: an emulated process cannot start emulated others
    run = [*bench, "run", *rows, *few, "--profile", "smoke", "--workers", "0"]
    both = f"{shlex.join([*bench, 'prepare', 'synthetic'])} && {shlex.join(run)}"
    work = (
        f"for _ in {{1..9}}; do {both}; code=$?; test $code = {CRASHED} || break; done; exit $code"
    )
    with said.open("wb") as file:
        return subprocess.Popen(
            ["bash", "-c", work],
            cwd=copy.root,
            env=copy.environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def digests_of(root: Path) -> dict[str, str]:
    """File -> SHA-256; of a step's record, which has times, only what came of it."""
    found = {
        f"{folder}/{name}": sha256_of_file(path)
        for folder in ("data", ".runs")
        for name, path in files_below(root / folder).items()
        if path.name != "run.json" and not name.startswith("locks/")
    }
    for path in sorted((root / ".runs").glob("*/run.json")):
        record = read_json(path)
        place = f"{record['method']} {record['step']}"
        found[place] = f"{record['status']}, {record['arithmetic']}"
    return found


def test_every_stage_and_score_is_there(digests: dict[str, dict[str, str]]) -> None:
    steps = {place: told for place, told in digests["native"].items() if " " in place}
    assert set(steps.values()) == {"done, exact-x86-64-v3"}
    assert sum(" train/" in place for place in steps) == STAGES
    names = {Path(name).name for name in digests["native"]}
    assert {"model.safetensors", "scores.json", "manifest.json"} <= names


@pytest.mark.parametrize("processor", EMULATED)
def test_another_processor_gives_the_same_digits(
    digests: dict[str, dict[str, str]], processor: str
) -> None:
    native, other = digests["native"], digests[processor]
    assert native.keys() == other.keys()
    assert [name for name in native if native[name] != other[name]] == []
