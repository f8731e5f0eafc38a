"""The contract checks fail when a method breaks its promise."""

import pytest
import torch

from bench.checks import contract
from bench.checks.contract import CHECKS, Subject, check_method, make_subject
from bench.registry.rows import Registry
from methods import METHODS
from methods.mean import Mean, MeanConfig


@pytest.fixture
def subject(tmp_path):
    made = make_subject("mean", Registry(METHODS), tmp_path)
    assert isinstance(made, Subject)
    return made


def broken(subject, **attributes):
    """The mean method with some of its attributes replaced."""
    return Subject(type("Broken", (Mean,), attributes), subject.config, subject.spec, subject.clips)


def short(self, audio, template, style, num_frames, num_samples, noise):
    return template.expand(num_samples, max(num_frames - 1, 1), -1, -1)


def padded(self, audio, template, style, num_frames, num_samples, noise):
    return template.expand(num_samples, num_frames, -1, -1)


def from_global_state(self, audio, template, style, num_frames, num_samples, noise):
    return template + torch.randn(num_samples, num_frames, 1, 1)


def from_shared_noise(self, audio, template, style, num_frames, num_samples, noise):
    draws = torch.randn(
        num_samples, num_frames, generator=torch.Generator().manual_seed(num_samples)
    )
    return template + draws[..., None, None]


def from_noise_that_does_nothing(self, audio, template, style, num_frames, num_samples, noise):
    vertices = template.expand(num_samples, num_frames, -1, -1)
    return vertices + 0 * noise(0, (1,))


def mean_over_padding(self, batch, stage):
    return {"loss": (batch.vertices - batch.template[:, None]).square().mean()}


@pytest.mark.parametrize(
    ("check", "attributes"),
    [
        (contract.predicts_what_was_asked_for, {"predict": short}),
        (contract.predicts_what_was_asked_for, {"predict": padded}),
        (contract.predict_draws_only_from_its_noise, {"predict": from_global_state}),
        (contract.samples_are_as_declared, {"predict": from_shared_noise}),
        (contract.samples_are_as_declared, {"predict": from_noise_that_does_nothing}),
        (
            contract.a_sample_does_not_depend_on_how_many_are_drawn,
            {"predict": from_shared_noise},
        ),
        (contract.padding_does_not_count, {"loss": mean_over_padding}),
    ],
)
def test_a_broken_promise_is_found(subject, check, attributes):
    with pytest.raises(AssertionError):
        check(broken(subject, **attributes))


def test_a_loose_config_is_found(subject):
    class Loose(MeanConfig, extra="ignore"):
        pass

    loose = Subject(
        type("Broken", (Mean,), {"config_type": Loose}), Loose(), subject.spec, subject.clips
    )
    with pytest.raises(AssertionError, match="does not have"):
        contract.config_is_frozen_and_strict(loose)


def test_check_writes_a_report_for_a_method_given_by_its_path(tmp_path):
    path = tmp_path / "report.md"
    code = check_method("methods.mean:Mean", Registry(METHODS), str(path))
    text = path.read_text()
    assert code == 0
    assert text.count("| passed |") == len(CHECKS)
