"""The fingerprint of the default dataset: the same audio and motion are expected on every machine.

It covers PCM16 audio and float32 coefficients, which do not depend on the number of vertices.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EXPECTED_FILE = Path(__file__).with_name("expected.json")
EXPECTED_SEED = 0


def fingerprint(manifest: dict[str, Any]) -> dict[str, Any]:
    """Number of clips, and one SHA-256 each over the hashes of all audio and of all motion."""
    clips = sorted(manifest["clips"], key=lambda clip: clip["name"])
    return {
        "seed": manifest["generator"]["seed"],
        "clips": len(clips),
        "audio_sha256": _sha256_over(clip["audio_sha256"] for clip in clips),
        "motion_sha256": _sha256_over(clip["motion_sha256"] for clip in clips),
    }


def _sha256_over(hashes: Iterable[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def read_expected() -> dict[str, Any]:
    """The fingerprint that every machine should get."""
    return json.loads(EXPECTED_FILE.read_text(encoding="utf-8"))


def write_expected(manifest: dict[str, Any]) -> None:
    """Make this manifest's fingerprint the expected one, after a wanted change of the data.

    Raises ValueError for the population of another seed.
    """
    seed = manifest["generator"]["seed"]
    if seed != EXPECTED_SEED:
        raise ValueError(f"--write-expected needs --seed {EXPECTED_SEED}, got {seed}")
    partial = EXPECTED_FILE.with_suffix(".partial")
    partial.write_text(json.dumps(fingerprint(manifest), indent=1) + "\n", encoding="utf-8")
    partial.replace(EXPECTED_FILE)
