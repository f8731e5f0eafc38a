"""From a name to a method: registered here, elsewhere, or given as package.module:Class."""

import sys
from importlib.metadata import EntryPoint

import pytest

from bench.common.fingerprint import source_file
from bench.registry import rows
from bench.registry.methods import MethodEntry, load, preset_folder


def test_a_registered_name_is_found(table):
    assert table.method("talker") == MethodEntry("talker", "toy_talker:ToyTalker")


def test_a_module_and_class_need_no_registration(table):
    assert table.method("some.place.net:Net") == MethodEntry("net", "some.place.net:Net")


def test_a_slip_names_the_nearest(table):
    with pytest.raises(ValueError, match=r"Unknown method 'talkr'\. Did you mean 'talker'\? Known"):
        table.method("talkr")


@pytest.mark.parametrize("name", [":", "a:", ":A"])
def test_half_a_reference_is_refused(name, table):
    with pytest.raises(ValueError, match="expected a known name or package.module:Class"):
        table.method(name)


def test_installed_packages_may_bring_methods_and_ours_come_first(table, monkeypatch):
    points = [
        EntryPoint("theirs", "their.package:Method", rows.GROUP),
        EntryPoint("talker", "their.package:Other", rows.GROUP),
    ]
    monkeypatch.setattr(rows, "entry_points", lambda group: points)
    assert table.method("theirs") == MethodEntry("theirs", "their.package:Method")
    assert table.method("talker") == MethodEntry("talker", "toy_talker:ToyTalker")


def test_a_class_is_loaded(toys):
    assert load("toy_still:ToyStill").__name__ == "ToyStill"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("toy_stil:ToyStill", "there is no module 'toy_stil'; is it installed"),
        ("toy_still:Still", "module 'toy_still' has no class 'Still'"),
        ("toy_still:Path", "toy_still:Path is not a Method"),
        ("toy_still:os", "toy_still:os is not a Method"),
    ],
)
def test_what_is_no_method_is_refused(reference, message, toys):
    with pytest.raises(ValueError, match=message):
        load(reference)


def test_a_methods_own_missing_import_is_not_taken_for_a_missing_method(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        load("needs_more:Method")


def test_sources_are_found_without_importing_them(toys):
    sys.modules.pop("toy_still", None)
    assert source_file("toy_still") == toys / "still" / "toy_still.py"
    assert "toy_still" not in sys.modules
    assert source_file("bench").name == "__init__.py"
    assert source_file("bench.metrics").parent.name == "metrics"
    assert source_file("bench.metrics.lip").name == "lip.py"
    assert source_file("bench.nothing") is None and source_file("no_such_package.x") is None


def test_presets_lie_beside_the_code(toys):
    assert preset_folder("toy_still:ToyStill") == toys / "still"
    with pytest.raises(ValueError, match="no_such:X: there is no such module; is it installed?"):
        preset_folder("no_such:X")
