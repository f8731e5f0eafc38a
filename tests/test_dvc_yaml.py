"""dvc.yaml names every module of reports/ that a stage imports: else an edit rebuilds nothing."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def in_a_folder(path: str, named: list[str]) -> bool:
    """Whether a folder that holds a file is named."""
    return any(str(folder) in named for folder in Path(path).parents if str(folder) != "reports")


def imported(module: str, found: set[str]) -> set[str]:
    """The files of reports/ that a module imports, directly or not, itself included."""
    path = f"{module.replace('.', '/')}.py"
    if (ROOT / module.replace(".", "/")).is_dir():
        path = f"{module.replace('.', '/')}/__init__.py"
    if path in found or not (ROOT / path).exists():
        return found
    found.add(path)
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reports."):
            imported(str(node.module), found)
    return found


@pytest.mark.parametrize("stage", ["tables", "figures", "report"])
def test_a_stage_depends_on_all_that_it_imports(stage):
    module = STAGES[stage]["cmd"].split()[-1]
    named = STAGES[stage]["deps"]
    needed = imported(module, set())
    missing = {path for path in needed if path not in named and not in_a_folder(path, named)}
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {sorted(missing)}"


def test_every_file_that_a_stage_names_is_there():
    code = [
        d
        for s in STAGES.values()
        for d in s.get("deps", [])
        if d.startswith(("reports/", "bench/"))
    ]
    generated = {"reports/tables", "reports/figures"}
    assert all((ROOT / path).exists() for path in code if path not in generated)


def test_the_report_depends_on_what_it_quotes():
    """The first paragraph of every method's README, and titles of metrics."""
    named = STAGES["report"]["deps"]
    readmes = {str(p.relative_to(ROOT)) for p in ROOT.glob("methods/*/README.md")}
    assert len(readmes) >= 9 and readmes <= set(named)
    for stage in ("tables", "figures", "report"):
        assert "bench/metrics/__init__.py" in STAGES[stage]["deps"]
