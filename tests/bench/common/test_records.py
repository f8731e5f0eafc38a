"""YAML files refuse a key that is given twice, whatever its depth and however many there are."""

import time

import pytest
import yaml

from bench.common.records import _OneOfEach, read_yaml


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' is there twice"),
        ("deep:\n  x: {k: 1, k: 2}\n", "'k' is there twice"),
        ("? [a, b]\n: 1\n", "unhashable key"),
    ],
)
def test_a_key_that_is_no_good_is_one_line_with_the_file(text, reason, tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"some.yaml is not valid YAML: .*{reason}") as error:
        read_yaml(path)
    assert "\n" not in str(error.value)


def test_many_keys_are_read_in_one_pass():
    scalars = [yaml.ScalarNode("tag:yaml.org,2002:str", f"key{n}") for n in range(30_000)]
    node = yaml.MappingNode("tag:yaml.org,2002:map", [(each, each) for each in scalars])
    started = time.process_time()
    assert len(_OneOfEach("").construct_mapping(node)) == len(scalars)
    assert time.process_time() - started < 4  # each key against all others: several times that
