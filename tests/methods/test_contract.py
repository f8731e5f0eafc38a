"""What the benchmark promises itself about every registered method."""

import pytest

from bench.checks.contract import CHECKS, make_subject
from bench.registry.rows import Registry
from methods import METHODS


@pytest.fixture(scope="module", params=METHODS)
def subject(request, tmp_path_factory):
    made = make_subject(request.param, Registry(METHODS), tmp_path_factory.mktemp(request.param))
    if isinstance(made, str):
        pytest.skip(made)
    return made


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_holds(subject, check):
    check(subject)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_its_folder_of_the_same_files(name):
    from bench.registry.methods import preset_folder

    folder = preset_folder(METHODS[name])
    found = {path.name for path in folder.iterdir()}
    expected = {f"{d}.yaml" for d in ("synthetic-mini", "biwi-paper", "vocaset-paper")}
    assert expected | {"__init__.py", "README.md"} <= found
