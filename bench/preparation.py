"""`bench prepare`: a dataset's clips where its files are, and why not where they are absent."""

import subprocess
import sys

from rich.console import Console

from bench.cards import CARDS
from bench.files import sha256_of_file, write_json
from bench.probing import SKIPPED, probe
from bench.project import data_folder, results_folder


def prepare(name: str, console: Console) -> int:
    """Run ``datasets/<name>/prepare.py``; returns its exit code.

    A dataset that is absent is no error: a marker with the reason takes the place of its clips.
    What was prepared before, or came from a laboratory's own remote, is kept where the raw files
    are absent. Raises ValueError for a name that nobody knows.
    """
    folder, found = data_folder() / name, probe(name)
    if found.state == "absent":
        console.print(f"{name}: skipped: {found.reason}", markup=False)
        write_json(folder / SKIPPED, {"dataset": name, "skipped": found.reason})
    elif found.state == "prepared":
        console.print(
            f"{name}: the clips in {folder} are kept; there are no raw files", markup=False
        )
    else:
        (folder / SKIPPED).unlink(missing_ok=True)
        script = CARDS / name / "prepare.py"
        done = subprocess.run([sys.executable, str(script), "--out", str(folder)], check=False)
        if done.returncode:
            return done.returncode
    manifest = folder / "manifest.json"
    summary = {
        "dataset": name,
        "state": found.state,
        "manifest_sha256": sha256_of_file(manifest) if manifest.exists() else None,
    }
    write_json(results_folder() / "data" / "prepared" / f"{name}.json", summary)
    return 0
