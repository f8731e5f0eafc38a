"""The page holds the numbers, names what failed, and needs nothing but its own folder."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from reports.site import build_site
from reports.tables import build_tables
from reports.text.html import unbroken, units


class Links(HTMLParser):
    """Collects every address, id, and picture without words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.silent: list[str] = []
        self.tables = self.captions = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [value for name in ("src", "href") if (value := found.get(name))]
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "img" and not found.get("alt"):
            self.silent.append(str(found))
        self.tables += tag == "table"
        self.captions += tag == "caption"


def write_run_record(runs: Path, key: str, **facts: object) -> None:
    """A record as a run leaves it in the cache."""
    (runs / key).mkdir(parents=True, exist_ok=True)
    (runs / key / "run.json").write_text(json.dumps({"status": "done", **facts}))


def whole(page: Path) -> str:
    """The HTML of all pages of a site."""
    return "\n".join(path.read_text() for path in sorted(page.parent.glob("*.html")))


def build(results: Path, folder: Path, figures: Path, runs: Path | None = None) -> Path:
    """Tables and page; figures are given, drawing them takes seconds."""
    build_tables(results, folder / "tables")
    site = folder / "site"
    return build_site(results, folder / "tables", figures, runs or folder / "no-runs", site, folder)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, make, figures: Path) -> Path:
    """A page of results with a failed seed, an ablation with another, and run records."""
    folder = tmp_path_factory.mktemp("page")
    runs = (
        make.done("gldi", 0),
        make.failed(1, "<b>bold</b> & out of memory"),
        make.done("gldi", 2),
    )
    results = make.fabricate(folder / "results", {"gldi": make.method_results("gldi", runs)})
    broken = (make.coded("gldi", 0, name="k9-d1-l2"), make.failed(1, "the disk is full"))
    rows = {"k9-d1-l2": make.method_results("gldi", broken, variant="k9-d1-l2")}
    make.write_ablation(results, make.ablation(rows))
    write_run_record(
        folder / "runs",
        "gldi-0-predict",
        seconds=12.25,
        peak_memory_mb=321.0,
        started="2020-02-02T02:02:02+00:00",
        device="cpu",
        threads=1,
        machine={"cpu": "Abacus 9"},
        git={"sha": "0123456789abcdef", "dirty": True},
        inputs={"data": "feed" * 16},
    )
    return build(results, folder, figures, folder / "runs")


def test_numbers_of_the_results_are_on_the_page(page: Path) -> None:
    html = whole(page)
    assert "9.250\u00a0\u00b1\u00a02.351 (2 of 3 seeds)" in html
    assert "11.50\u00a0\u00b1\u00a00.57" in html
    assert ">5.3077<" in html  # the paper's
    assert "1.950" not in html


def test_generated_data_has_a_banner(page: Path) -> None:
    html = whole(page)
    assert "Generated data. This page does not reproduce the paper." in html
    captions = re.findall(r"<caption[^>]*>(.*?)</caption>", html, re.S)
    ours = [
        text
        for text in captions
        if not re.search("The paper|Every metric|No answers collected", text)
    ]
    assert len(ours) >= 7
    assert all("Generated data: " in text for text in ours)


def test_failed_runs_are_shown_with_reason_and_command(page: Path) -> None:
    html = whole(page)
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; out of memory" in html
    assert "<b>bold" not in html
    assert "python -m bench.run --method gldi --dataset synthetic --profile mini --seed 1" in html
    assert '#synthetic-failed">2</a>' in html


def test_a_failed_run_of_an_ablation_is_shown_with_its_command(page: Path) -> None:
    html = whole(page)
    assert "the disk is full" in html.partition('aria-labelledby="synthetic-failed"')[2]
    assert "--method gldi-k9-d1-l2 --dataset synthetic --profile mini --seed 1" in html


def test_ablations_figure_1_and_codebooks_have_sections_in_the_list(page: Path) -> None:
    html, links = whole(page), Links(whole(page))
    for target in ("table4-synthetic-gldi-kernel", "synthetic-figure1", "synthetic-codebooks"):
        assert f"#{target}" in links.addresses and target in links.ids
    assert "Table 4 (gldi-kernel) on synthetic: kernel size" in html
    assert "Against the reference k9-d2-l4, " in html
    for picture in ("figure1", "codebook"):
        assert f"assets/synthetic-{picture}.svg" in links.addresses
    downloads = {f"assets/table4.{suffix}" for suffix in ("csv", "md", "tex")}
    assert downloads <= set(links.addresses)


def test_a_run_that_two_tables_share_is_listed_once(
    results: Path, tmp_path: Path, figures: Path
) -> None:
    html = whole(build(results, tmp_path, figures))
    listed = html.partition('aria-labelledby="synthetic-runs"')[2]
    rows = re.findall(r"<code>python -m bench\.run --method (\S+) .*?--seed 0</code>", listed)
    assert rows.count("gldi") == rows.count("gldi-k5-d1-l4") == 1
    assert "gldi-k9-d2-l4" not in rows  # Table 1's GLDiTalker


def test_a_collapsed_codebook_is_red_on_the_page(
    make, tmp_path: Path, figures: Path, results: Path
) -> None:
    runs = (make.coded("gldi", 0), make.coded("gldi", 1, 9.0))
    make.fabricate(results, {"gldi": make.method_results("gldi", runs)})
    html = whole(build(results, tmp_path, figures))
    red = re.findall(r'<td class="(?:failed|missed)[^>]*>([^<]*collapsed[^<]*)</td>', html)
    assert "2, 1 collapsed" in red  # of Table 1
    assert red.count("0.141, collapsed") == 3  # of checks, codebooks and the method's page
    assert "codebook of stage1 collapsed: perplexity 9.00 of 64 entries" in red


def test_every_seed_has_its_command(page: Path) -> None:
    html = whole(page)
    for method, seeds in {"gldi": 3, "faceformer": 3, "ridge": 1}.items():
        for seed in range(seeds):
            options = f"--method {method} --dataset synthetic --profile mini --seed {seed}"
            assert f"<code>python -m bench.run {options}</code>" in html


def test_hashes_of_what_was_read_come_from_run_records_and_no_times_or_machines(page: Path) -> None:
    html = whole(page)
    assert "feed" * 16 in html
    for fact in ("0123456789ab", "Abacus 9", "12.25", "321.0", "2020-02-02"):
        assert fact not in html
    assert "reports/provenance.csv" in html


def test_every_metric_is_defined(page: Path) -> None:
    from bench.metrics.table import METRICS

    html = whole(page)
    for metric in METRICS.values():
        assert f"<code>{metric.name}</code>" in html


def test_nothing_is_loaded_from_elsewhere_and_every_link_resolves(page: Path) -> None:
    for file in page.parent.glob("*.html"):
        links = Links(file.read_text())
        assert len(links.addresses) > 10
        for address in links.addresses:
            assert not re.match(r"(?i)(https?:)?//", address), address
            if address.startswith("data:"):
                continue
            name, _, anchor = unquote(address).partition("#")
            target = page.parent / name if name else file
            assert target.is_file(), (file.name, address)
            if anchor:
                assert anchor in Links(target.read_text()).ids, (file.name, address)
    for asset in (page.parent / "assets").iterdir():
        if asset.suffix in (".css", ".js") and asset.name != "player.js":
            assert not re.search(r"https?://|url\(|@import|fetch\(", asset.read_text()), asset


def test_pictures_have_words_tables_have_captions_and_ids_are_unique(page: Path) -> None:
    for file in page.parent.glob("*.html"):
        links = Links(file.read_text())
        assert links.silent == [] and links.tables == links.captions, file.name
        assert len(set(links.ids)) == len(links.ids), file.name


def test_real_data_has_no_banner(make, tmp_path: Path) -> None:
    biwi = {"dataset": "biwi", "generated": False, "unit": "sqrt(area)", "unit_to_mm": None}
    methods = {
        name: make.method_results(name, (make.done(name, 0),), **biwi)
        for name in ("template", "mean", "ridge", "faceformer", "gldi", "oracle")
    }
    results = make.fabricate(tmp_path / "results", methods)
    figures = tmp_path / "figures"
    figures.mkdir()
    for name in ("biwi-heatmaps.png", "biwi-listening.svg", "biwi-figure1.svg"):
        (figures / name).touch()
    html = whole(build(results, tmp_path, figures))
    assert "enerated data" not in html
    assert "profile mini is smaller" in html


def test_the_same_numbers_give_the_same_bytes_whoever_computed_them(
    make, results: Path, tmp_path: Path, figures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = make.coded("gldi", 0), make.failed(1)
    make.fabricate(results, {"gldi": make.method_results("gldi", seeds)})
    sites = []
    for name, seconds, zone in (("a", 1.0, "UTC"), ("b", 99.5, "Asia/Tokyo")):
        runs, failed = tmp_path / name / "runs", tmp_path / name / "data/toy/faces.npy"
        curves = {"train": [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4}]}
        machine = {"cpu": f"Abacus {name}"}
        text = json.dumps(curves)
        outputs = {"curves.json": hashlib.sha256(text.encode()).hexdigest()}
        told = {"outputs": outputs, "seconds": seconds, "started": zone, "machine": machine}
        write_run_record(runs, "gldi-0-stage1", **told)
        (runs / "gldi-0-stage1/curves.json").write_text(text)
        where = f'File "{tmp_path}/{name}/lib/site-packages/numpy/x.py", line 3: {failed}'
        (runs / "dead-1").mkdir()
        (runs / "dead-1/traceback.txt").write_text(where)
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("TZ", zone)
        with matplotlib.rc_context({"font.family": "serif", "savefig.dpi": seconds + 50}):
            sites.append(build(results, tmp_path / name, figures, runs))
    first, second = sites
    assert "File &#34;numpy/x.py&#34;, line 3: data/toy/faces.npy" in whole(first)
    names = sorted(path.relative_to(first.parent) for path in first.parent.rglob("*.*"))
    assert names == sorted(path.relative_to(second.parent) for path in second.parent.rglob("*.*"))
    for name in names:
        assert (first.parent / name).read_bytes() == (second.parent / name).read_bytes(), name


def test_a_page_without_tables_or_figures_says_what_to_run(results: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"run: python -m reports\.tables"):
        build_site(results, tmp_path / "t", tmp_path / "f", tmp_path, tmp_path / "site")
    build_tables(results, tmp_path / "t")
    with pytest.raises(ValueError, match=r"run: python -m reports\.figures"):
        build_site(results, tmp_path / "t", tmp_path / "f", tmp_path, tmp_path / "site")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "other-heatmaps.png").touch()
    with pytest.raises(ValueError, match=r"synthetic-figure1\.svg is missing"):
        build_site(results, tmp_path / "t", tmp_path / "f", tmp_path, tmp_path / "site")


def test_a_broken_run_record_is_passed_over(
    make, results: Path, tmp_path: Path, figures: Path
) -> None:
    write_run_record(tmp_path / "runs", "gldi-0-predict", inputs="none", marks=3)
    (tmp_path / "runs" / "gldi-1-predict").mkdir()
    (tmp_path / "runs" / "gldi-1-predict" / "run.json").write_text("[1")
    assert "feed" not in whole(build(results, tmp_path, figures, tmp_path / "runs"))


def test_units_become_superscripts_and_the_rest_is_escaped() -> None:
    assert unbroken("[1, 2] 5.6e-05 k9-d2-l4 a-b") == (
        "[1,\u00a02] 5.6e-\u206005 k9-\u2060d2-\u2060l4 a-b"
    )
    assert units("x1e-6 m^2 <b>") == ("&times;10<sup>\u22126</sup> m<sup>2</sup> &lt;b&gt;")


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("CI"):
        pytest.fail("continuous integration must install chromium: see .ci/run")
    pytest.skip("no chromium on this machine")


def test_a_browser_shows_the_page_from_disk(page: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    subprocess.run(
        [
            chromium(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--virtual-time-budget=4000",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1200,2600",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    shown = imread(picture)[..., :3]
    rows = np.ptp(shown.reshape(len(shown), -1), axis=1)
    assert shown.shape[:2] == (2600, 1200)
    assert (rows > 0.2).mean() > 0.5  # text, tables and pictures down the page
    colourful = np.ptp(shown, axis=-1) > 0.25
    assert colourful.mean() > 0.004  # the heads and the banner were loaded


def test_the_page_of_a_row_says_what_its_method_says_of_itself(page: Path) -> None:
    html = (page.parent / "method-synthetic-faceformer.html").read_text()
    assert "FaceFormer: Speech-Driven 3D Facial Animation with Transformers, CVPR 2022." in html
    assert "<dt>Published code</dt><dd>https://github.com/EvelynFan/FaceFormer</dd>" in html
    assert "<dt>Licence of that code</dt><dd>MIT</dd>" in html
    own = (page.parent / "method-synthetic-mean.html").read_text()
    assert "mean training offset" in own and "<dt>Published code</dt>" not in own
