"""What digits may depend on, and which of two differences comes first."""

import pytest

from bench.verify import surroundings
from bench.verify.surroundings import Processor, Surroundings, reasons


def of(torch="2.13.0+cpu", arithmetic="native", flags=("avx2",), **versions):
    processor = Processor(vendor="AuthenticAMD", flags=flags)
    versions = {"torch": torch, "attrs": "1"} | versions
    return Surroundings(
        python="3.11.7", versions=versions, arithmetic=arithmetic, processor=processor
    )


def test_the_same_explains_nothing():
    assert reasons(of(), of()) == []


def test_what_computes_comes_before_other_packages_and_the_build_of_torch_last():
    now = of("2.13.0", flags=("avx2", "avx512f"), attrs="2", numpy="2", triton="3")
    assert reasons(of(numpy="1"), now) == [
        "numpy 1 -> 2",
        "attrs 1 -> 2",
        "processor AuthenticAMD +avx512f",
        "build of torch 2.13.0+cpu -> 2.13.0",
    ]


@pytest.mark.parametrize("arithmetic, lines", [("exact-x86-64-v3", 0), ("native", 1)])
def test_a_processor_counts_unless_the_arithmetic_is_exact(arithmetic, lines):
    both = [of(arithmetic=arithmetic, flags=flags) for flags in ((), ("avx2",))]
    assert len(reasons(*both)) == lines


def test_a_processor_is_told_by_its_maker_and_vector_instructions(tmp_path, monkeypatch):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("vendor_id\t: GenuineIntel\nflags\t\t: fpu sse2 fma avx2 avx512f\n\n" * 2)
    monkeypatch.setattr(surroundings, "Path", lambda _: cpuinfo)
    now = surroundings.surroundings().processor
    assert now == Processor(vendor="GenuineIntel", flags=("avx2", "avx512f", "fma"))
