"""A method's folder says what tables and pages call it; one from elsewhere has defaults."""

from pathlib import Path

import pytest

from bench.registry.facts import OF_ORACLE, facts_of
from bench.results import MethodFacts
from methods import METHODS

FACTS = {name: facts_of(reference) for name, reference in METHODS.items()}


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package that is a method."""
    folder = tmp_path / "their_method"
    folder.mkdir()
    (folder / "__init__.py").write_text("class Method: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_method_from_elsewhere_needs_no_facts(outside: Path) -> None:
    assert facts_of("their_method:Method") == MethodFacts()


def test_a_method_from_elsewhere_has_its_own(outside: Path) -> None:
    (outside / "method.yaml").write_text('label: Theirs\ncolour: "#123456"\norder: 85\n')
    (outside / "README.md").write_text("# theirs\n\nOne `line`\nand another.\n\nMore.\n")
    found = facts_of("their_method:Method")
    assert (found.label, found.colour, found.order) == ("Theirs", "#123456", 85)
    assert found.about == "One line and another."
    (outside / "method.yaml").write_text("about: said here\n")
    assert facts_of("their_method:Method").about == "said here"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lable: x", "method.yaml: lable: Extra inputs are not permitted"),
        ("colour: red", "method.yaml: colour: String should match pattern"),
        ("order: first", "method.yaml: order: Input should be a valid integer"),
        ("- x", "method.yaml: expected a mapping, got list"),
    ],
)
def test_a_wrong_fact_is_named(outside: Path, text: str, message: str) -> None:
    (outside / "method.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        facts_of("their_method:Method")


def test_the_tables_run_from_the_floors_to_the_ground_truth() -> None:
    assert sorted(FACTS, key=lambda name: FACTS[name].order) == list(METHODS)
    assert [name for name in METHODS if FACTS[name].floor] == ["template", "mean", "ridge"]
    assert max(found.order for found in FACTS.values()) < MethodFacts().order < OF_ORACLE.order


def test_trained_methods_have_a_colour_and_a_paper_each() -> None:
    trained = {name: found for name, found in FACTS.items() if not found.floor}
    assert len({found.colour for found in trained.values()} - {""}) == len(trained)
    for found in trained.values():
        assert found.paper in found.about and found.paper_url.startswith("https://")
        if found.code_url:  # as the README names it: owner/name, and under which licence
            assert found.code_url.removeprefix("https://github.com/") in found.about
            assert found.licence


@pytest.mark.parametrize("name", METHODS)
def test_the_description_makes_sense_on_a_page(name: str) -> None:
    words = FACTS[name].about
    assert words and "below" not in words and "`" not in words and "\n" not in words
