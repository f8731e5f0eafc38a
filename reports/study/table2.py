"""Table 2: mean opinion scores of the user study beside the paper's, or that there are none yet."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.statistics.comparisons import SIGNIFICANT, smallest_sign_flip_p
from reports.analysis.comparable import Verdict
from reports.inputs.published import TABLE1, TABLE2, Published, read_published
from reports.study.records import (
    PAPER_CLIPS,
    QUESTIONS,
    Agreement,
    Difference,
    Score,
    Source,
    StudySummary,
    read_summaries,
)
from reports.text.grid import Cell, Column, Grid, words
from reports.text.labels import GROUND_TRUTH
from reports.text.lists import counted, grouped

NO_ANSWERS = "no answers collected"
SPLITS = {"vocaset": "VOCASET-Test", "biwi": "BIWI-Test-B"}
"""Dataset -> what the paper calls the clips of its study: test_b of either."""

NOTES = (
    "MOS, mean opinion score: the mean of ratings from 1 (worst) to 5 (best) over participants and "
    "clips, with a 95 % interval (pigeonhole bootstrap over participants and clips, Owen 2007).",
    "The paper gives no interval, no agreement, and no score of the ground truth.",
)


def table2(results: Path) -> Grid:
    """Table 2 of all studies that were collected under a results folder."""
    return table2_of(read_summaries(results), read_published())


def table2_of(summaries: Sequence[StudySummary], published: Published) -> Grid:
    """One row per dataset and method; the paper's rows without answers say so."""
    scale = "MOS, 1-5"
    columns = [*words("Dataset", "Method")]
    for title in QUESTIONS.values():
        columns += [Column(title, scale), Column(f"{title}, paper")]
    columns += [Column("Participants"), *words("Comparable")]
    rows = [
        _row(summary, source, published, len(summaries) > 1)
        for summary in summaries
        for source in summary.sources
    ]
    rated = {(source.dataset, source.row) for s in summaries for source in s.sources}
    rows += [
        _unrated(dataset, row, published)
        for dataset in SPLITS
        for row in published.table(TABLE2).rows
        if (dataset, row) not in rated
    ]
    return Grid(
        name="table2",
        caption=_caption(summaries),
        columns=tuple(columns),
        rows=tuple(rows),
        notes=(*NOTES, *(note for summary in summaries for note in _notes(summary))),
        finding=" ".join(_finding(summary) for summary in summaries) if summaries else "",
    )


def _caption(summaries: Sequence[StudySummary]) -> str:
    sources = [source for summary in summaries for source in summary.sources]
    generated = sorted({source.dataset for source in sources if source.generated})
    title = "Table 2, the user study."
    if not summaries:
        return (
            f"{title} No answers collected: python -m reports.study build makes the questionnaire, "
            "collect fills this table."
        )
    if not generated:
        return title
    return (
        f"{title} Generated data: scores on {', '.join(generated)} are opinions on generated faces "
        "and speech; nothing there reproduces the paper."
    )


def _row(
    summary: StudySummary, source: Source, published: Published, several: bool
) -> tuple[Cell, ...]:
    where = f"{source.dataset} {source.split}" + (" (generated)" if source.generated else "")
    where += f", study {summary.study}" if several else ""
    scores = {
        s.question: s for s in summary.scores if (s.dataset, s.row) == (source.dataset, source.row)
    }
    cells = [Cell(where), Cell(source.label)]
    for question in QUESTIONS:
        score = scores[question]
        cells += [_score(score), _paper(source.dataset, source.row, question, published)]
    clips = scores["realism"].clips
    verdict = comparable(source, clips, published)
    raters = Cell(str(summary.raters), float(summary.raters), note=f"each rated {clips} clips")
    return *cells, raters, Cell(verdict.text)


def _unrated(dataset: str, row: str, published: Published) -> tuple[Cell, ...]:
    cells = [Cell(f"{dataset} test_b"), Cell(published.table(TABLE2).rows[row].label)]
    for question in QUESTIONS:
        cells += [Cell(NO_ANSWERS, kind="missing"), _paper(dataset, row, question, published)]
    return *cells, Cell("0", 0.0), Cell(f"no: {NO_ANSWERS}")


def _score(score: Score) -> Cell:
    if score.low is None or score.high is None:
        why = "no interval: a single participant or a single clip"
        return Cell(f"{score.mean:.2f}", score.mean, note=why)
    return Cell(f"{score.mean:.2f} [{score.low:.2f}, {score.high:.2f}]", score.mean)


def _paper(dataset: str, row: str, question: str, published: Published) -> Cell:
    cell = published.cell(TABLE2, row, f"{dataset}_{question}")
    if cell is None:
        return Cell("-")
    return Cell(f"{cell.printed:.2f}", cell.printed, note=cell.source)


def comparable(source: Source, clips: int, published: Published) -> Verdict:
    """Whether a score may stand beside the paper's; never as a number, at best as an order."""
    return Verdict(False, next(_reasons(source, clips, published)))


def _reasons(source: Source, clips: int, published: Published) -> Iterator[str]:
    """All that speaks against it, the gravest first."""
    if source.generated:
        yield "generated data"
    if source.row == GROUND_TRUTH or source.row not in published.table(TABLE2).rows:
        yield "the paper has no such row"
    if source.dataset not in SPLITS:
        yield f"the paper's study is on {' and '.join(SPLITS.values())}"
    if source.split != "test_b":
        yield f"ours is on {source.split}, the paper's on {SPLITS[source.dataset]}"
    if source.profile != "paper":
        yield f"profile {source.profile} is smaller than the paper's"
    encoder = published.table(TABLE1).rows[source.row].speech_encoder
    if encoder not in source.speech_encoder:
        yield f"the paper's row has speech encoder {encoder}"
    if clips < PAPER_CLIPS:
        yield f"{clips} clips, the paper's study has {PAPER_CLIPS}"
    yield "other raters saw other clips, rendered otherwise: only the order may be compared"


def _notes(summary: StudySummary) -> Iterator[str]:
    by_dataset = grouped(
        (each.dataset, f"{QUESTIONS[each.question]} {_alpha(each)}") for each in summary.agreement
    )
    agreed = "; ".join(f"{name}: {', '.join(texts)}" for name, texts in by_dataset.items())
    yield f"Study {summary.study}, agreement (Krippendorff's alpha; 1 perfect, 0 chance): {agreed}."
    if summary.refused:
        refused = ", ".join(f"{reason} ({n})" for reason, n in sorted(summary.refused.items()))
        yield f"Study {summary.study}, files that do not count: {refused}."
    runs = [
        f"{s.label} on {s.dataset}: seed {s.seed}" for s in summary.sources if s.seed is not None
    ]
    yield f"Study {summary.study} shows one stored sample of one run: {', '.join(runs)}."


def _alpha(found: Agreement) -> str:
    if found.ordinal is None or found.interval is None:
        return "not defined (no two ratings differ, or one participant)"
    return f"{found.ordinal:.2f} (ordinal), {found.interval:.2f} (interval)"


def _finding(summary: StudySummary) -> str:
    """Which differences to the reference row are shown, in one sentence per question."""
    sentences = []
    for dataset in dict.fromkeys(each.dataset for each in summary.differences):
        for question, title in QUESTIONS.items():
            some = [
                d for d in summary.differences if (d.dataset, d.question) == (dataset, question)
            ]
            labels = {s.row: s.label for s in summary.sources if s.dataset == dataset}
            reference, people = labels[some[0].reference], summary.raters
            clips = min(score.clips for score in summary.scores if score.dataset == dataset)
            texts = [f"{labels[each.row]} {verdict(each, people, clips)}" for each in some]
            sentences.append(f"{dataset}, {title.lower()}, minus {reference}: {'; '.join(texts)}.")
    return " ".join(sentences)


def verdict(difference: Difference, people: int, clips: int) -> str:
    """The difference, its interval, and what they show.

    Nothing is decided by fewer participants or clips than a sign-flip test needs to get below 0.05,
    whatever the interval: five people who agree are five people.
    """
    low, high = difference.low, difference.high
    fewest, noun = min((people, "participant"), (clips, "clip"))
    if low is None or high is None or smallest_sign_flip_p(fewest) > SIGNIFICANT:
        interval = "" if low is None or high is None else f" [{low:+.2f}, {high:+.2f}]"
        short = counted(fewest, noun)
        return f"{difference.mean:+.2f}{interval}, cannot be decided with {short}"
    text = f"{difference.mean:+.2f} [{low:+.2f}, {high:+.2f}]"
    if low <= 0 <= high:
        return f"{text}, no difference shown"
    return f"{text}, {'lower' if high < 0 else 'higher'}"
