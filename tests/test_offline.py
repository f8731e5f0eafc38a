"""With weights and data in place, no command needs the network; `bench fetch` alone does."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from transformers import HubertConfig, HubertModel

ROOT = Path(__file__).parents[1]
HUB_ID = "someone/tiny-hubert"
SAID = "blocked by this test"
PARAMS = """
profile: smoke
datasets: [toy]
methods: [faceformer]
profiles:
  smoke: {preset: mini, fallback: synthetic, seeds: [0], set: [train.steps=2]}
"""
SPEECH = (
    *("--set", "model.speech.kind=hubert", "--set", f"model.speech.source={HUB_ID}"),
    *("--set", "model.speech.frozen=paper"),
    *(x for size in ("hidden", "num_layers", "feed_forward", "position_groups")
      for x in ("--set", f"model.speech.{size}=null")),
)  # fmt: skip


# one process does all commands: what takes seconds is importing torch
COMMANDS = """
import json, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from bench.cli.app import main
done = []
for arguments in json.loads(sys.argv[1]):
    out, err = StringIO(), StringIO()
    sys.argv = ["bench", *arguments]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            done.append((end.code or 0, out.getvalue(), err.getvalue()))
print(json.dumps(done))
"""


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def offline(project, tmp_path):
    """A function that runs commands without network, in a project with fetched weights."""
    (project.root / "params.yaml").write_text(PARAMS)
    model = HubertModel(
        HubertConfig(
            hidden_size=32,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=64,
            conv_dim=(16,) * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
        )
    )
    model.save_pretrained(tmp_path / "weights" / HUB_ID.replace("/", "--"))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'tests/fakes/offline'}{os.pathsep}{os.environ['PYTHONPATH']}",
        "BENCH_WEIGHTS": str(tmp_path / "weights"),
        "BENCH_CACHE": str(tmp_path / "cache"),
        "HF_HOME": str(tmp_path / "no hub cache"),
        "OMP_NUM_THREADS": "1",
    }

    def run(commands: Sequence[Sequence[str]]) -> list[Done]:
        done = subprocess.run(
            [sys.executable, "-P", "-c", COMMANDS, json.dumps(commands)],
            cwd=project.root,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert SAID not in done.stderr, done.stderr  # by workers
        return [Done(*each) for each in json.loads(done.stdout.splitlines()[-1])]

    return run


def test_the_block_holds():
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests/fakes/offline")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert SAID in done.stderr


@pytest.mark.timeout(300)
def test_every_command_works_without_network(offline):
    """And weights that are not there name the command that brings them."""
    absent = [each.replace(HUB_ID, "someone/absent") for each in SPEECH]
    commands = {
        "list": ("list",),
        "run": ("run", "-m", "faceformer", *SPEECH, "--workers", "1"),
        "evaluate": ("evaluate", "-m", "faceformer", *SPEECH, "--dry-run"),
        "check": ("check", "template"),
        "doctor": ("doctor",),
        "absent": ("run", "-m", "faceformer", *absent, "--workers", "0"),
    }
    done = dict(zip(commands, offline(list(commands.values())), strict=True))
    for command in done.values():
        assert SAID not in command.out + command.err
    for name in ("list", "run", "evaluate", "check"):
        assert done[name].code == 0, done[name]  # doctor may find something of this machine
    assert "│ lve" in done["run"].out
    assert f"speech encoder: {HUB_ID}" in done["run"].out
    assert done["absent"].code == 1
    assert "bench fetch" in done["absent"].err and "Traceback" not in done["absent"].err
