"""Numbers of generated files, by their place."""

import numpy as np
import pytest

from bench.common.files import write_arrays, write_json
from bench.verify.numbers import flat, nested, numbers_of


def test_json_has_a_place_per_number_and_nothing_per_clip(tmp_path):
    path = tmp_path / "a.json"
    metrics = {"lve": {"value": 0.5, "clips": [{"total": 1.0}]}, "fdd": {"value": None}}
    run = {"seed": 2, "keys": {"evaluate": "k"}, "splits": {"test_a": {"metrics": metrics}}}
    rows = [{"variant": "mlp", "results": {"runs": [run]}}]
    write_json(path, {"rows": rows, "generated": True, "means": [3, 4]})
    assert numbers_of(path) == {"mlp/seed 2/test_a/lve": 0.5, "means/0": 3, "means/1": 4}


def test_a_row_of_a_table_is_named_by_its_words_and_a_second_one_by_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "table,Method,metric,mean,verdict,paper_value\n"
        "t,voca,lve,5e-06,better,3\nt,voca,lve,6e-06,,3\nt,gldi,,nan,1.5 mm,3\n"
    )
    assert numbers_of(path) == {"voca/lve/mean": 5e-06, "row 2/mean": 6e-06}


def test_arrays_have_a_mean_that_no_order_of_summing_changes(tmp_path):
    path = tmp_path / "a.npz"
    values = np.array([[1e16, 1.0], [-1e16, 1.0]])
    write_arrays(path, {"x": values, "ids": np.array([1, 2]), "name": np.array("clip")})
    assert numbers_of(path) == {"x/mean": 0.5, "x/largest": 1e16}


def test_pictures_and_pages_hold_none(tmp_path):
    (tmp_path / "a.svg").write_text("<svg width='3'/>")
    assert numbers_of(tmp_path / "a.svg") == {}


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "a.npz").write_text("no arrays")
    with pytest.raises(ValueError, match="a.npz is not a readable file of arrays"):
        numbers_of(tmp_path / "a.npz")


def test_a_tree_holds_the_same_numbers():
    numbers = {"seed 0/lve": 1.5, "seed 0/fdd, x / y": 2.5, "z": 0}
    tree = nested(numbers)
    assert tree["seed 0"]["lve"] == 1.5 and flat(tree) == numbers
