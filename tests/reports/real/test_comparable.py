"""A number may stand beside the paper's only where it is about the same thing."""

import re

import pytest

from reports.analysis.comparable import compare
from reports.inputs.published import PaperRow, read_published
from reports.tabular.ablations import ablation_grid

REAL = {
    "deterministic": False,
    "speech_encoder": "facebook/hubert-base-ls960",
}


def verdict(make, real, metric: str = "lve", method: str = "gldi", **changes):
    results = make.method_results(method, (), **(real.BIWI | REAL | changes))
    return compare(results, metric, read_published())


def test_same_data_split_unit_and_encoder_is_comparable(make, real) -> None:
    found = verdict(make, real)
    assert found.comparable
    assert found.text.startswith("yes: same data")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"generated": True}, "generated data"),
        ({"dataset": "vocaset"}, "the paper's value is on biwi"),
        ({"unit": "m"}, r"our unit is m\^2, the paper's \(sqrt\(area\)\)\^2"),
        ({"profile": "mini"}, "profile mini is smaller"),
        ({"variant": "wav2vec2"}, "variant wav2vec2"),
        ({"variant": "imported"}, "imported weights: nothing says that the paper's row used them"),
        ({"speech_encoder": "mel-HuBERT"}, "speech encoder facebook/hubert-base-ls960"),
        ({"method": "ridge"}, "no such row"),
        ({"method": "oracle"}, "no such row"),
        ({"metric": "diversity"}, "no formula"),
        ({"mask_origins": {"mouth": "geometric fallback: a box"}}, "^geometric fallback mask$"),
        ({"mask_sizes": {"mouth": 4995}}, "mask mouth has 4995 vertices, the published file 4996"),
        ({"missing_clips": 3}, "the data lacks 3 clips of its splits"),
    ],
)
def test_what_differs_is_named(make, real, changes: dict, reason: str) -> None:
    found = verdict(make, real, **changes)
    assert not found.comparable
    assert re.search(reason, found.reason)


def test_a_deterministic_diversity_is_comparable(make, real) -> None:
    encoder = "facebook/wav2vec2-base-960h"
    found = verdict(
        make, real, "diversity", "faceformer", deterministic=True, speech_encoder=encoder
    )
    assert found == (True, "0 by construction")


TABLE4 = PaperRow("table4", "kernel5_dilation1_layers4")


@pytest.mark.parametrize(
    ("place", "metric", "changes", "expected"),
    [
        (TABLE4, "lve", {}, "yes: same data"),
        (TABLE4, "diversity", {}, "no: the paper's table has no such column"),
        (TABLE4, "fdd", {"profile": "mini"}, "no: profile mini is smaller"),
        (TABLE4, "fdd", {"speech_encoder": "mel-HuBERT"}, "no: the paper's row has speech encoder"),
        (TABLE4, "lve", {"generated": True}, "no: generated data"),
        (PaperRow("table3", ""), "lve", {}, "no: the paper has no such row"),
        (
            PaperRow("table3", "without_graph_stage"),
            *("lve", {}, "no: the numbers that the paper prints are FaceDiffuser's"),
        ),
        (PaperRow("table3", "without_graph_stage"), "lve", {"method": "facediffuser"}, "yes: same"),
        (PaperRow("table3", "mlp_encoder"), "diversity", {}, "no: the paper gives no formula"),
    ],
)
def test_a_variant_stands_beside_its_own_row_of_the_paper(
    make, real, place: PaperRow, metric: str, changes: dict, expected: str
) -> None:
    row = real.BIWI | REAL | {"method": "gldi", "variant": "k5-d1-l4"} | changes
    results = make.method_results(row.pop("method"), (), **row)
    assert compare(results, metric, read_published(), place).text.startswith(expected)


def test_an_unknown_table_of_the_paper_is_named(make, real) -> None:
    results = make.method_results("gldi", (), **(real.BIWI | REAL))
    with pytest.raises(ValueError, match="Unknown table of the paper 'tabel4'. Did you mean 'tab"):
        compare(results, "lve", read_published(), PaperRow("tabel4", "x"))


def test_a_value_on_unseen_subjects_is_not_beside_one_on_test_a(make, real) -> None:
    run = make.done("gldi", 0)
    only_b = run.model_copy(update={"splits": {"test_b": run.splits["test_b"]}})
    results = make.method_results("gldi", (only_b,), **(real.BIWI | REAL))
    assert compare(results, "lve", read_published()) == (
        *(False, "ours is on test_b, the paper's on test_a"),
    )


def test_an_ablation_on_the_papers_data_is_comparable_and_has_no_words_of_caution(
    make, real
) -> None:
    changes = real.BIWI | {"speech_encoder": "facebook/hubert-base-ls960"}
    rows = tuple(
        row.model_copy(update={"results": row.results.model_copy(update=changes)})
        for row in make.ablation().rows
    )
    grid = ablation_grid(make.ablation(dataset="biwi", rows=rows), read_published())
    (row,) = [row for row in grid.rows if row[0].text == "row k5-d1-l4"]
    assert row[-1].text.startswith("yes: same data")
    assert "enerated" not in grid.caption + grid.finding and "1.3k" not in grid.caption
