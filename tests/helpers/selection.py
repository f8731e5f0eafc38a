"""Which test files a change asks for: `python tests/helpers/selection.py [SINCE]`.

Changed is what differs from the commit SINCE, and what is new; without SINCE from the last commit,
or where nothing does, what that commit changed. Near is a test that mirrors a changed file, then
one that imports it, then one that imports what imports it, as long as there is time.
"""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import house

BUDGET = 25.0  # CPU seconds; importing torch and the linters take as long again
USUAL = 2.0  # CPU seconds of a file of tests that is not named here
# others take longer; under xdist they start in this order, so that no worker is left alone with one
SECONDS = {
    "tests/test_dvc.py": 90,
    "tests/test_readme.py": 60,
    "tests/test_real_data.py": 60,
    "tests/reports/browser/test_site_pages.py": 40,  # with the browser's own
    "tests/bench/pipeline/test_pool.py": 35,
    "tests/reports/study/test_browser.py": 30,
    "tests/test_private_remote.py": 15,
    "tests/methods/test_long_and_shared_audio.py": 20,
    "tests/bench/pipeline/test_resume.py": 13,
    "tests/datasets/test_prepare.py": 17,
    "tests/methods/test_contract.py": 15,
    "tests/methods/test_facediffuser_official.py": 14,
    "tests/reports/test_site.py": 13,
    "tests/reports/charts/test_motion_figures.py": 11,
    "tests/reports/test_tables.py": 11,
    "tests/test_offline.py": 11,
    "tests/benchmarks/inference/test_inference.py": 10,
    "tests/bench/prepare/test_probe.py": 4,
    "tests/bench/statistics/test_comparisons.py": 8,
    "tests/methods/test_codetalker_unroll.py": 8,
    "tests/methods/test_facediffuser.py": 7,
    "tests/reports/player/test_caption.py": 7,
    "tests/reports/player/test_page.py": 7,
    "tests/reports/player/test_parts.py": 5,
    "tests/reports/player/test_time.py": 7,
    "tests/reports/study/test_building.py": 7,
    "tests/bench/registry/test_ablations.py": 6,
    "tests/bench/training/test_training_options.py": 20,  # where nothing was compiled before
    "tests/datasets/test_people_files.py": 30,  # prepares the set of people for the other two
    "tests/datasets/test_people_motion.py": 14,
    "tests/datasets/test_people_speech.py": 8,
    "tests/datasets/test_synthetic_files.py": 6,
    "tests/reports/test_figures.py": 6,
    "tests/bench/common/test_environment.py": 6,
    "tests/bench/cli/test_animate.py": 6,
    "tests/bench/cli/test_avatars.py": 8,
    "tests/bench/animate/test_fitting.py": 4,
    "tests/datasets/test_people_avatar.py": 25,
    "tests/bench/collect/test_results.py": 6,
    "tests/bench/verify/test_verify.py": 6,
    "tests/benchmarks/training/test_training.py": 6,
    "tests/reports/tabular/test_comparisons.py": 5,
}


def seconds(path: str) -> float:
    """CPU seconds that a file of tests takes, from its path in the repository."""
    return SECONDS.get(path, USUAL)


def changed_files(root: Path, since: str = "") -> list[str]:
    """Paths that differ from a commit, or are new; see the head of this file for no commit."""
    names = _git(root, "diff", "--name-only", since or "HEAD")
    names += _git(root, "ls-files", "--others", "--exclude-standard")
    if not names and not since:
        names = _git(root, "diff", "--name-only", "HEAD~1")
    return sorted(set(names))


def choose(
    root: Path, changed: Iterable[str], budget: float = BUDGET
) -> tuple[list[str], list[str]]:
    """The files of tests to run, nearest first, and those that there is no time for.

    Tests that mirror a changed file are run whatever they take.
    """
    distances = _distances(root, list(changed))
    chosen, left_out, spent = [], [], 0.0
    for path in sorted(distances, key=lambda path: (distances[path], seconds(path), path)):
        if distances[path] == 0 or spent + seconds(path) <= budget:
            chosen.append(path)
            spent += seconds(path)
        else:
            left_out.append(path)
    return chosen, left_out


def _distances(root: Path, changed: Sequence[str]) -> dict[str, int]:
    """File of tests -> imports between it and a changed file; 0 if it mirrors or is one."""
    importers: dict[str, set[str]] = {}
    for path, others in _imports(root).items():
        for other in others:
            importers.setdefault(other, set()).add(path)
    tests = [path.relative_to(root).as_posix() for path in (root / "tests").rglob("test_*.py")]
    distances = {path: 0 for path in tests if path in changed or _mirrors(path, changed)}
    front = {python for path in changed for python in _python_of(root, path)}
    for path in tests:  # a page or a file of settings is named by the tests that read it
        text = (root / path).read_text(encoding="utf-8")
        if any(Path(name).suffix != ".py" and Path(name).name in text for name in changed):
            distances.setdefault(path, 1)
    seen, distance = set(front), 0
    while front:
        distance += 1
        front = {path for each in front for path in importers.get(each, ())} - seen
        seen |= front
        for path in front & set(tests):
            distances.setdefault(path, distance)
    return distances


def _mirrors(test: str, changed: Sequence[str]) -> bool:
    """Whether tests/a/b/test_c*.py stands for a/b/c.py, or test_name*.py for methods/name/."""
    return any(
        test.startswith(f"tests/{path.parent}/test_{path.stem}")
        or (path.parts[0] == "methods" and test.startswith(f"tests/methods/test_{path.parts[1]}"))
        for path in map(Path, changed)
        if path.suffix == ".py" and len(path.parts) > 1
    )


def _python_of(root: Path, path: str) -> list[str]:
    """A Python file itself; for any other file the Python files beside it, or beside its folder."""
    if path.endswith(".py"):
        return [path]
    for folder in list((root / path).parents)[: len(Path(path).parts) - 1]:
        if found := sorted(folder.glob("*.py")):
            return [each.relative_to(root).as_posix() for each in found]
    return []


def _imports(root: Path) -> dict[str, set[str]]:
    """File -> files that it imports: packages, tests with their conftests, and scripts of data."""
    found = {path: set(others) for path, others in house.imports(root).items()}
    files = {house.module_of(root, path): path for path in found}
    loose = house.sources(root, "tests", "datasets")  # imported by plain name
    by_name: dict[str, set[Path]] = {}
    for path in loose:
        by_name.setdefault(path.stem, set()).add(path)
    for path in loose:
        names = set(house.imported(house.tree_of(path)))
        above = {folder / "conftest.py" for folder in path.parents} & set(loose)
        plain = {other for name in names for other in by_name.get(name, ())}
        found[path] = {files[name] for name in names if name in files} | above | plain
    short = {path: path.relative_to(root).as_posix() for path in found}
    return {short[path]: {short[o] for o in others - {path}} for path, others in found.items()}


def _git(root: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", "-C", root, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def main() -> None:
    """Print the paths of the chosen files, and on standard error what is left out."""
    changed = changed_files(house.REPOSITORY, *sys.argv[1:])
    chosen, left_out = choose(house.REPOSITORY, changed)
    print("changed:", *changed, file=sys.stderr)
    if left_out:
        print(f"further away, for make test: {' '.join(left_out)}", file=sys.stderr)
    # folder by folder: pytest 9.1 loses the fixtures of a folder that it comes back to
    print("\n".join(sorted(chosen)))


if __name__ == "__main__":
    main()
