"""What would break `import transformers` is out of its way before it is imported."""

import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.common import environment as imports
from bench.common.environment import hide_broken_torchaudio, leave_repository_root

ROOT = Path(__file__).parents[3]
BROKEN = {
    "a missing library": (
        "raise OSError('libcudart.so.13: cannot open')",
        "libcudart.so.13: cannot",
    ),
    "a missing module": ("import no_such_module", "No module named 'no_such_module'"),
    "another CUDA": (
        "raise RuntimeError('compiled with\\nother CUDA')",
        "compiled with other CUDA",
    ),
    "no word at all": ("raise OSError", "OSError"),
}


@pytest.fixture
def torchaudio(tmp_path, monkeypatch):
    """A function that installs a torchaudio with this source in its __init__.py."""

    def install(source):
        package = tmp_path / "torchaudio"
        package.mkdir()
        (package / "__init__.py").write_text(f"import torchaudio.part\n{source}\n")
        (package / "part.py").write_text("")
        monkeypatch.syspath_prepend(tmp_path)
        forget()

    def forget():
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]

    yield install
    forget()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_torchaudio_that_does_not_load_is_hidden_with_one_warning(kind, torchaudio):
    source, reason = BROKEN[kind]
    torchaudio(source)
    with pytest.warns(
        UserWarning, match="does not load .*; it is hidden. Fix: pip uninstall"
    ) as said:
        assert reason in hide_broken_torchaudio()
    assert len(said) == 1
    assert find_spec("torchaudio") is None
    assert "torchaudio.part" not in sys.modules
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hide_broken_torchaudio() is None  # once is enough
    with pytest.raises(ImportError):
        import torchaudio  # noqa: F401


def test_a_torchaudio_that_loads_is_left_alone(torchaudio):
    torchaudio("__version__ = '1'")
    assert hide_broken_torchaudio() is None
    assert sys.modules["torchaudio"].__version__ == "1"


def test_transformers_sees_neither_the_broken_torchaudio_nor_our_datasets(tmp_path):
    (tmp_path / "torchaudio").mkdir()
    (tmp_path / "torchaudio" / "__init__.py").write_text("raise OSError('no CUDA here')")
    code = (
        "import sys; sys.argv = ['bench.run', '--method', 'methods.mean:Nothing']\n"
        "from bench.run import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 1\n"
        "from transformers.utils import is_datasets_available, is_torchaudio_available\n"
        "import importlib.metadata as installed\n"
        "theirs = 'datasets' in installed.packages_distributions()\n"
        "print(is_datasets_available() == theirs, is_torchaudio_available())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "True False\n", done.stderr
    assert done.stderr.count("torchaudio is installed but does not load (no CUDA here)") == 1
    assert (
        "error: methods.mean:Nothing: module 'methods.mean' has no class 'Nothing'" in done.stderr
    )


@pytest.mark.parametrize("entry", ["", ".", "{root}", "{root}/sub/.."])
def test_the_repository_root_leaves_the_path_however_it_is_spelt(entry, tmp_path, monkeypatch):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "path", [entry.format(root=tmp_path), *sys.path])
    kept = sys.path[1:]
    leave_repository_root()
    assert sys.path == kept


def test_a_folder_of_installed_packages_stays_on_the_path(tmp_path, monkeypatch):
    """There, beside bench, may lie Hugging Face's own datasets."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("")
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    leave_repository_root()
    assert sys.path[0] == str(tmp_path)
