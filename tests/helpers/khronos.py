"""Khronos' glTF validator, an npm package that node finds by NODE_PATH."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from absence import absent

SCRIPT = """
const validator = require('gltf-validator'), fs = require('fs');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])), {maxIssues: 100})
  .then(report => console.log(JSON.stringify(report)));
"""


def validate(path: Path) -> dict[str, Any]:
    """The validator's report on a .glb; without node or the package the test is skipped."""
    if shutil.which("node") is None:
        absent("node")
    command = ["node", "--eval", SCRIPT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if "MODULE_NOT_FOUND" in done.stderr:
        absent("gltf-validator (npm install gltf-validator, and its node_modules in NODE_PATH)")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
