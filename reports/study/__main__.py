"""``python -m reports.study``: the commands ``build`` and ``collect``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.common.terminal import fail_in_one_line
from reports.inputs.folders import DATA, RESULTS, RUNS, Data, Results, Runs
from reports.study.records import PAPER_CLIPS

STUDY = Path("study")

app = typer.Typer(help="The user study (Table 2).", no_args_is_help=True, add_completion=False)


@app.command()
def build(
    row: Annotated[
        list[str] | None, typer.Option(help="A row to show; repeat it. Default: the paper's four.")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="A dataset to show; repeat it. Default: all.")
    ] = None,
    clips: Annotated[
        int, typer.Option(help="Clips per dataset, or all if there are fewer.")
    ] = PAPER_CLIPS,
    split: Annotated[
        str | None, typer.Option(help="test_a or test_b. Default: test_b where it has clips.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws clips, styles and attention checks.")] = 0,
    size: Annotated[int, typer.Option(help="Pixels per side of the videos.")] = 320,
    results: Results = RESULTS,
    runs: Runs = RUNS,
    data: Data = DATA,
    out: Annotated[Path, typer.Option(help="Folder of the page and its key.")] = STUDY,
) -> None:
    """Make questionnaire.html for participants, and key.json, which stays with you."""
    from bench.common.errors import unknown
    from reports.inputs.published import rated_rows
    from reports.inputs.results import read_datasets
    from reports.study.building import KEY, build_study
    from reports.study.stimuli import choose

    with fail_in_one_line():
        found = read_datasets(results)
        for name in dataset or ():
            if name not in found:
                raise unknown("dataset with results", name, found)
        some = {name: found[name] for name in dict.fromkeys(dataset or found)}
        chosen = choose(some, data, row or rated_rows(), clips, split, seed)
        page, key = build_study(chosen, runs, out, seed, size)
    megabytes = page.stat().st_size / 1e6
    print(
        f"{page}: study {key.study}, {len(key.rated)} clips to rate and {len(key.checks)} "
        f"attention checks, {megabytes:.1f} MB\n"
        f"{out / KEY}: keep it; without it no answer can be read, and whoever has it knows which "
        "method made each clip"
    )


@app.command()
def collect(
    answers: Annotated[list[Path], typer.Argument(help="Answer files, or folders of them.")],
    key: Annotated[Path, typer.Option(help="The key that `build` wrote.")] = STUDY / "key.json",
    results: Results = RESULTS,
    allow_refused: Annotated[
        bool, typer.Option(help="Exit with 0 also where files were refused.")
    ] = False,
) -> None:
    """Check answer files and store what they say; `dvc repro` then fills Table 2.

    A file that cannot count is refused with a reason and the others go on; the exit status is then
    1, unless refusals are allowed.
    """
    from bench.common.files import write_json
    from reports.inputs.published import read_published
    from reports.study.answers import collect_answers
    from reports.study.records import read_key, summary_path
    from reports.study.summarising import summarise
    from reports.study.table2 import table2_of
    from reports.text.grid import to_markdown

    with fail_in_one_line():
        secret = read_key(key)
        collected = collect_answers(answers, secret)
        for each in collected.refused:
            print(f"refused: {each.file}: {each.reason}", file=sys.stderr)
        summary = summarise(collected, secret)
        path = summary_path(results, secret.study)
        write_json(path, summary.model_dump(mode="json"))
    print(to_markdown([table2_of([summary], read_published())]))
    print(f"{path}: {summary.raters} participants, {len(collected.refused)} files refused")
    if collected.refused and not allow_refused:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
