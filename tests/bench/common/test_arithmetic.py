"""What libraries are told before they load, and what a process then says of itself."""

import os
import subprocess
import sys

import pytest
import torch

from bench.common import arithmetic
from bench.common.arithmetic import CHOICE, EXACT, NATIVE, choose, in_use, settings, why_native

exact_machine = pytest.mark.skipif(why_native() is not None, reason=str(why_native()))


def run(script: str, **environment: str) -> str:
    """A fresh process: what it says, with its exit code where that is not 0."""
    inherited = {k: v for k, v in os.environ.items() if k not in {CHOICE, *settings()}}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=inherited | environment,
        capture_output=True,
        text=True,
    )
    return (done.stdout + done.stderr).strip() + (f" [{done.returncode}]" * bool(done.returncode))


SAY = "import bench; from bench.common.arithmetic import in_use; print(in_use())"


@exact_machine
def test_these_tests_compute_exactly() -> None:
    assert in_use() == EXACT
    assert torch.backends.cpu.get_cpu_capability() == "AVX2"


@exact_machine
def test_numpy_uses_nothing_beyond_avx2() -> None:
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    beyond = [group for group in __cpu_dispatch__ if group.startswith(("AVX512", "X86_V4"))]
    assert beyond
    assert set(beyond) <= set(settings()["NPY_DISABLE_CPU_FEATURES"].split())
    assert not any(__cpu_features__[group] for group in beyond)


@exact_machine
def test_importing_the_package_is_enough_and_numpy_warns_of_nothing() -> None:
    assert run(f"{SAY}; import numpy, torch; print(torch.get_num_threads())") == f"{EXACT}\n1"


def test_native_leaves_the_environment_as_it_was() -> None:
    script = f"{SAY}; import os; print(os.environ.get('OMP_NUM_THREADS'))"
    assert run(script, **{CHOICE: "native"}) == f"{NATIVE}\nNone"
    choosing = "import bench; from bench.common.arithmetic import choose; choose('native'); "
    assert run(choosing + script, OMP_NUM_THREADS="7") == f"{NATIVE}\n7"


def test_what_comes_too_late_is_not_claimed() -> None:
    assert run(f"import numpy; {SAY}") == NATIVE


@exact_machine
def test_another_choice_after_the_import_of_a_library_is_refused() -> None:
    before = dict(os.environ)
    with pytest.raises(ValueError, match="before numpy is imported; set BENCH_ARITHMETIC=native"):
        choose("native")
    assert dict(os.environ) == before


def test_a_choice_that_there_is_not_is_one_line() -> None:
    expected = "error: BENCH_ARITHMETIC or --arithmetic: expected exact or native, got 'fast' [1]"
    assert run(SAY, **{CHOICE: "fast"}) == expected


def test_another_kind_of_machine_is_told_and_computes_natively(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arithmetic.platform, "machine", lambda: "aarch64")
    told = "this machine is Linux on aarch64: digits may differ from those of x86-64-v3 on Linux"
    assert (why_native(), in_use()) == (told, NATIVE)


def test_a_processor_without_avx2_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(arithmetic, "_flags", lambda: {"sse2", "fma"})
    assert "a processor without avx2, bmi2: digits may differ" in str(why_native())
    assert in_use() == NATIVE
