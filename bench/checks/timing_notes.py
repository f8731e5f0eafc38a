"""How long a preset's work takes, as one line per kind of device in the head of its file.

    # bench time: {device: cpu, machine: "AMD EPYC, 1 thread", date: 2026-11-24, ...}

The line is YAML after a fixed beginning, so that programs read what people see. Units: seconds.
"""

import datetime
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from bench.common.files import write_atomically
from bench.common.records import Frozen

START = "# bench time:"


class Timing(Frozen):
    """What was measured with a preset on one machine; stages by name."""

    device: Literal["cpu", "cuda"]
    machine: str  # processor and threads, or accelerator; never a host's name
    date: datetime.date
    data: Literal["prepared", "stand-in"]  # stand-in: generated, of the dataset's size
    seconds_per_step: dict[str, float]  # of the optimiser; median; no entry: nothing to train
    # once in a stage: statistics of the training clips, and features that are kept
    seconds_per_new_clip: dict[str, float]
    seconds_per_validated_clip: dict[str, float]
    seconds_per_clip: float = Field(ge=0)  # one sample of one test_a clip
    seconds_per_more_sample: float = Field(ge=0)  # of the same clip


def read_timings(path: Path) -> dict[str, Timing]:
    """Device kind -> what the head of a preset says. Raises ValueError for a line that is wrong."""
    found: dict[str, Timing] = {}
    for number, line in enumerate(_head(path.read_bytes().decode("utf-8")), start=1):
        if line.startswith(START):
            timing = _parse(line, f"{path}, line {number}")
            if timing.device in found:
                raise ValueError(
                    f"{path}, line {number}: a second line for {timing.device}; remove one"
                )
            found[timing.device] = timing
    return found


def write_timing(path: Path, timing: Timing) -> None:
    """Put a timing into the head of a preset, in place of the line of the same device kind.

    Everything else stays byte for byte. Raises ValueError, and writes nothing, where a line that is
    there cannot be read.
    """
    read_timings(path)
    text = path.read_bytes().decode("utf-8")
    head = _head(text)
    rest = text[sum(map(len, head)) :]
    end = "\r\n" if "\r\n" in text else "\n"
    if head and not head[-1].endswith("\n"):
        head[-1] += end
    line = format_timing(timing) + end
    for k, old in enumerate(head):
        if old.startswith(START) and _parse(old, str(path)).device == timing.device:
            head[k] = line
            break
    else:
        head.append(line)
    with write_atomically(path) as temporary:
        temporary.write_bytes(("".join(head) + rest).encode("utf-8"))


def format_timing(timing: Timing) -> str:
    """The line, without its end."""
    values = timing.model_dump()
    text = yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=10**6)
    return f"{START} {text.strip()}"


def _head(text: str) -> list[str]:
    """The comment lines that a file begins with, with their ends."""
    lines = text.splitlines(keepends=True)
    for k, line in enumerate(lines):
        if not line.startswith("#"):
            return lines[:k]
    return lines


def _parse(line: str, place: str) -> Timing:
    try:
        return Timing.model_validate(yaml.safe_load(line.removeprefix(START)))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
    raise ValueError(f"{place}: not a line of `bench time` ({reason}); remove it or measure again")
