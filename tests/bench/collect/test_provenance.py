"""Times and machines stand in one file of their own, and nowhere in the results."""

import csv

from bench.collect.fill import fill
from bench.collect.results import collect, collect_figures
from bench.common.files import read_json
from bench.pipeline.cache import Cache
from bench.pipeline.provenance import library_versions


def lines(project) -> list[dict[str, str]]:
    with (project.root / "reports" / "provenance.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def written(project) -> dict[str, bytes]:
    """What is made of the cache, by path, collected anew."""
    for row in ("talker", "still", "oracle"):
        collect("toy", row)
    collect_figures("toy")
    folder = project.root / "results"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_step_is_a_line_with_its_cost(project, table):
    assert fill(None, 0, table) == 0
    found, records = lines(project), {r["key"]: r for r in Cache(project.runs).records()}
    assert len(found) == 8 and {line["key"] for line in found} == records.keys()
    for line in found:
        record = records[line["key"]]
        assert float(line["seconds"]) == record["seconds"]
        assert (line["cpu"], line["started"]) == (record["machine"]["cpu"], record["started"])
        assert f"torch {record['versions']['torch']}" in line["versions"]
    assert {(line["row"], line["seed"]) for line in found} == {
        ("oracle", "0"),
        ("talker", "0"),
        ("still", "0"),
    }


def test_results_are_the_same_bytes_whoever_computed_them(project, table, monkeypatch):
    assert fill(None, 0, table) == 0
    before = written(project)
    for record in list(Cache(project.runs).records()):
        elsewhere = {
            "started": "2031-01-01T00:00:00+00:00",
            "seconds": 1e6,
            "peak_memory_mb": 7.0,
            "git": {"sha": "f" * 40, "dirty": True},
            "machine": {"cpu": "Abacus 9"},
            "job": {"cluster": "slurm", "id": "7_3", "restarts": 1},
        }
        Cache(project.runs).write_record(record["key"], record | elsewhere)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert fill(None, 0, table) == 0
    assert written(project) == before
    found = lines(project)
    assert {(line["cpu"], line["job"]) for line in found} == {("Abacus 9", "slurm 7_3")}
    assert {line["commit"] for line in found} == {f"{'f' * 40} with changes"}


def test_versions_are_those_that_a_lock_file_names(monkeypatch):
    monkeypatch.setattr("bench.pipeline.provenance._version", lambda name: "2.13.0+cpu")
    monkeypatch.setattr("platform.python_version_tuple", lambda: ("3", "11", "99"))
    assert library_versions() == {"python": "3.11"} | dict.fromkeys(
        ("torch", "transformers", "numpy", "scipy"), "2.13.0"
    )


def test_a_reason_names_the_same_file_on_every_machine(own_data, table, monkeypatch):
    elsewhere = own_data.data.rename(own_data.root / "elsewhere")
    monkeypatch.setenv("BENCH_DATA", str(elsewhere))
    (elsewhere / "toy" / "audio" / "F1_01.wav").unlink()
    assert fill(None, 0, table) == 0
    collect("toy", "talker")
    (run,) = read_json(own_data.root / "results/toy/talker.json")["runs"]
    assert run["reason"].startswith("train/coarse: ValueError: data/toy/audio/F1_01.wav does not")
