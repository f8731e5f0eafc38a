"""The reference unless asked otherwise; torchaudio only where it agrees, and never silently."""

import math
import sys
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
import soxr
import torch

from bench.cli import doctor
from bench.common.constants import AUDIO_BACKEND
from bench.common.environment import hide_broken_torchaudio
from bench.media.resampling import backend_inputs, resample
from bench.media.spectra import power_spectrum
from bench.media.torchaudio_backend import compare
from bench.pipeline.provenance import library_versions
from bench.registry.rows import Registry
from methods.layers.speech import log_mel
from methods.meshtalk import speech as meshtalk

# resampling and spectra as torchaudio names them, by other means
STAND_IN = """
import numpy, soxr, torch
__version__ = '9.9'
class functional:
    @staticmethod
    def resample(waveform, rate, target, **settings):
        assert settings['lowpass_filter_width'] == 64 and waveform.dtype == torch.float64
        found = torch.from_numpy(soxr.resample(waveform.numpy(), rate, target, 'HQ'))
        return torch.cat([found, torch.zeros(1, dtype=found.dtype)]) * {gain}
    @staticmethod
    def spectrogram(audio, pad, window, n_fft, hop_length, win_length, power, normalized, center):
        assert (pad, power, normalized, center) == (0, 2.0, False, False)
        return torch.stft(audio, n_fft, hop_length, win_length, window, center=False,
                          return_complex=True).abs() ** 2 * {gain}
class transforms:
    class MelSpectrogram(torch.nn.Module):
        def __init__(self, sample_rate, n_fft, hop_length, n_mels, center):
            super().__init__()
            self.n_fft, self.hop_length = n_fft, hop_length
            self.mel_scale = torch.nn.Module()
            self.mel_scale.fb = torch.rand(n_fft // 2 + 1, n_mels)
        def forward(self, audio):
            power = functional.spectrogram(audio, 0, torch.hann_window(self.n_fft), self.n_fft,
                                           self.hop_length, self.n_fft, 2.0, False, False)
            return (power.transpose(1, 2) @ self.mel_scale.fb).transpose(1, 2)
"""


def forget():
    """As if torchaudio had never been imported."""
    for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
        del sys.modules[name]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that installs a torchaudio with this source."""
    here = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "torchaudio"}

    def run(source):
        (tmp_path / "torchaudio.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        forget()

    yield run
    forget()
    sys.modules.update(here)


@pytest.fixture
def torchaudio():
    """The real one, where it loads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if find_spec("torchaudio") is None:
            pytest.skip("torchaudio is not installed")
        if reason := hide_broken_torchaudio():
            pytest.skip(f"torchaudio does not load: {reason}")
        import torchaudio
    return torchaudio


@pytest.fixture
def speech():
    """Half a second of noise that fades in and out, at 44.1 kHz."""
    draws = np.random.default_rng(0).standard_normal(22_050)
    return (0.1 * draws * np.hanning(len(draws))).astype(np.float32)


def test_without_a_word_it_is_the_reference_even_where_torchaudio_loads(
    install, speech, monkeypatch
):
    monkeypatch.delenv(AUDIO_BACKEND, raising=False)
    install(STAND_IN.format(gain=2))
    expected = soxr.resample(speech, 44_100, 16_000, quality="HQ")
    np.testing.assert_array_equal(resample(speech, 44_100, 16_000), expected)
    assert backend_inputs() == {} and "torchaudio" not in library_versions()
    assert "torchaudio" not in sys.modules


def test_asked_for_it_resamples_and_makes_spectra_by_torchaudio(install, speech, monkeypatch):
    reference, audio = resample(speech, 44_100, 16_000), torch.randn(2, 3000)
    window = torch.hann_window(400)
    power = power_spectrum(audio, window, 512, 160)
    install(STAND_IN.format(gain=2))
    monkeypatch.setenv(AUDIO_BACKEND, "torchaudio")
    found = resample(speech, 44_100, 16_000)
    assert (found.dtype, found.shape) == (np.float32, reference.shape)
    np.testing.assert_allclose(found, 2 * reference, atol=1e-5)
    torch.testing.assert_close(power_spectrum(audio, window, 512, 160), 2 * power)


def test_the_choice_is_part_of_the_keys_and_of_the_record(plan, monkeypatch):
    reference = plan()
    monkeypatch.setenv(AUDIO_BACKEND, "torchaudio")
    steps = plan()
    assert all(new.key != old.key for new, old in zip(steps, reference, strict=True))
    assert steps[0].inputs["audio_backend"] == "torchaudio"
    library = "bench.media.torchaudio_backend"  # its code counts where it is used, and only there
    assert library in steps[0].inputs["code"] and library in steps[2].inputs["code"]
    assert library not in steps[3].inputs["code"]
    assert "torchaudio" in library_versions()
    monkeypatch.setenv(AUDIO_BACKEND, "cpu")
    assert [step.key for step in plan()] == [step.key for step in reference]


def test_an_unknown_backend_lists_the_known_ones(speech, monkeypatch):
    monkeypatch.setenv(AUDIO_BACKEND, "torchaudi")
    for use in (
        lambda: resample(speech, 44_100, 16_000),
        lambda: power_spectrum(torch.randn(1, 3000), torch.hann_window(400), 512, 160),
    ):
        with pytest.raises(ValueError, match="BENCH_AUDIO_BACKEND: .*Did you mean 'torchaudio'"):
            use()


def test_a_torchaudio_that_does_not_load_is_an_error_and_no_silent_change(
    install, speech, monkeypatch
):
    install("raise OSError('libcudart.so.13: cannot open')")
    monkeypatch.setenv(AUDIO_BACKEND, "torchaudio")
    for _ in range(2):  # when it is hidden already, too
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError, match="torchaudio does not load .*unset BENCH_AUDIO"):
                resample(speech, 44_100, 16_000)


@pytest.mark.parametrize(("gain", "level"), [(1, "ok"), (1.01, "bad")])
def test_doctor_says_whether_torchaudio_agrees_with_the_cpu_path(gain, level, install):
    install(STAND_IN.format(gain=gain))
    (found,) = [f for f in doctor.examine(Registry({})) if f.what == "torchaudio"]
    assert found.level == level
    assert "resampling differs from the CPU path by" in found.text and "tolerance" in found.text
    assert AUDIO_BACKEND in (found.text if level == "ok" else found.fix)


@pytest.mark.parametrize(("torch_version", "clash"), [("2.13.0+cpu", True), ("2.13.0", False)])
def test_doctor_names_the_clash_with_a_cpu_torch_and_the_fix(
    torch_version, clash, install, monkeypatch
):
    install("raise OSError('libcudart.so.13: cannot open')")
    monkeypatch.setattr(doctor, "_version", lambda name: torch_version)
    with pytest.warns(UserWarning, match="does not load"):
        (found,) = [f for f in doctor.examine(Registry({})) if f.what == "torchaudio"]
    assert (found.level, found.fix) == ("bad", "pip uninstall -y torchaudio")
    assert f"does not load beside torch {torch_version}" in found.text
    assert ("its wheel needs a CUDA build of torch" in found.text) == clash
    assert "libcudart.so.13" in found.text


def test_doctor_survives_a_torchaudio_that_loads_and_does_not_work(install):
    install("__version__ = '1'")
    (found,) = [f for f in doctor.examine(Registry({})) if f.what == "torchaudio"]
    assert found.level == "bad" and "loads but does not work" in found.text


def test_the_real_torchaudio_agrees_within_the_stated_tolerance(torchaudio):
    agreement = compare()
    assert agreement.holds, agreement


def test_the_real_torchaudios_mel_features_are_those_of_the_methods(torchaudio, monkeypatch):
    filters = torchaudio.functional.melscale_fbanks
    own = filters(257, 60.0, 7600.0, 40, 16_000, norm=None, mel_scale="htk")
    torch.testing.assert_close(log_mel.mel_filters(40), own, rtol=0, atol=1e-4)
    own = filters(1025, 0.0, 8000.0, 80, 16_000, norm=None, mel_scale="htk")
    torch.testing.assert_close(meshtalk.mel_filters(80), own, rtol=0, atol=1e-6)
    audio = torch.sin(torch.arange(16_000) * 0.2 * math.pi)[None] + 0.1 * torch.randn(1, 16_000)
    for features in (log_mel.LogMel(), meshtalk.LogMel(80)):
        monkeypatch.setenv(AUDIO_BACKEND, "cpu")
        reference = features(audio)
        monkeypatch.setenv(AUDIO_BACKEND, "torchaudio")
        torch.testing.assert_close(features(audio), reference, rtol=0, atol=1e-4)
