"""dvc.yaml names every room that a stage imports: else an edit rebuilds nothing."""

from pathlib import Path

import house
import pytest
import yaml

ROOT = Path(__file__).parents[1]

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
IGNORED = {line for line in (ROOT / ".dvcignore").read_text().splitlines() if "#" not in line}
MOST_DEPS = 16


def is_named(path: Path, deps: list[str]) -> bool:
    """Whether a stage depends on a file, or on a folder that holds it, and DVC looks at it."""
    above = [
        each.relative_to(ROOT).as_posix()
        for each in (path, *path.parents[:-1])
        if ROOT in each.parents
    ]
    return bool(set(above) & set(deps)) and not set(above) & IGNORED


@pytest.mark.parametrize("stage", ["tables", "figures", "report"])
def test_a_stage_depends_on_all_that_it_imports(stage):
    module, deps = STAGES[stage]["cmd"].split()[-1], STAGES[stage]["deps"]
    start = ROOT / f"{module.replace('.', '/')}.py"
    needed = house.closure(house.imports(ROOT), [start])
    missing = {house.module_of(ROOT, path) for path in needed if not is_named(path, deps)}
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {sorted(missing)}"


def test_preparing_depends_on_all_that_it_imports():
    deps = STAGES["data"]["deps"]
    start = house.sources(ROOT, "bench/prepare")
    needed = house.closure(house.imports(ROOT), start)
    missing = {house.module_of(ROOT, path) for path in needed if not is_named(path, deps)}
    assert missing == set()


def test_no_stage_lists_more_than_a_reader_can_hold():
    assert {
        name: n for name, s in STAGES.items() if (n := len(s.get("deps", []))) > MOST_DEPS
    } == {}


def test_every_file_that_a_stage_names_is_there():
    code = [
        d
        for s in STAGES.values()
        for d in s.get("deps", [])
        if d.startswith(("reports", "bench", "methods", "datasets")) and "$" not in d
    ]
    generated = {"reports/tables", "reports/figures"}
    assert all((ROOT / path).exists() for path in code if path not in generated)


def test_no_stage_depends_on_a_method():
    """What the tables say of one comes with the plans that `fill` writes."""
    deps = [dep for stage in STAGES.values() for dep in stage.get("deps", [])]
    assert not [dep for dep in deps if dep.startswith("methods")]
