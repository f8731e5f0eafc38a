"""With weights and data in place, no command needs the network; `bench fetch` alone does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import HubertConfig, HubertModel

ROOT = Path(__file__).parents[1]
HUB_ID = "someone/tiny-hubert"
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


@pytest.fixture
def offline(project, tmp_path):
    """A function that runs a command without network, in a project with fetched weights."""
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

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "bench.cli.app", *arguments]
        return subprocess.run(
            command, cwd=project.root, env=environment, capture_output=True, text=True
        )

    return run


def test_the_block_holds(offline):
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests/fakes/offline")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert "blocked by this test" in done.stderr


@pytest.mark.timeout(300)
def test_every_command_works_without_network(offline):
    commands = (
        ("list",),
        ("run", "-m", "faceformer", *SPEECH, "--workers", "1"),
        ("evaluate", "-m", "faceformer", *SPEECH, "--dry-run"),
        ("check", "template"),
        ("doctor",),
    )
    for command in commands:
        done = offline(*command)
        said = done.stdout + done.stderr
        assert "blocked by this test" not in said, said
        if command != ("doctor",):  # which may find something of this machine to complain of
            assert done.returncode == 0, said
        if command[0] == "run":
            assert "│ lve" in done.stdout
            assert f"speech encoder: {HUB_ID}" in done.stdout


def test_weights_that_are_not_there_name_the_command_that_brings_them(offline):
    missing = [each.replace(HUB_ID, "someone/absent") for each in SPEECH]
    done = offline("run", "-m", "faceformer", *missing, "--workers", "0")
    assert done.returncode == 1
    assert "bench fetch" in done.stderr and "Traceback" not in done.stderr
    assert "blocked by this test" not in done.stderr
