"""The vector quantiser: nearest entries, who gets which gradient, unused entries."""

import pytest
import torch

from methods.layers.quantizer import EMA_EPSILON, VectorQuantizer


def make(codebook):
    """A quantiser with these entries."""
    quantizer = VectorQuantizer(len(codebook), len(codebook[0]))
    with torch.no_grad():
        quantizer.codebook.copy_(torch.as_tensor(codebook))
    return quantizer


def random_case(num_codes=7, shape=(2, 5, 3), num_channels=4):
    generator = torch.Generator().manual_seed(0)
    quantizer = make(torch.randn(num_codes, num_channels, generator=generator))
    latents = torch.randn(*shape, num_channels, generator=generator)
    return quantizer, latents.requires_grad_()


@pytest.mark.parametrize("shape", [(9,), (2, 5), (2, 5, 3)])
def test_every_latent_becomes_the_entry_that_brute_force_finds(shape):
    quantizer, latents = random_case(shape=shape)
    distances = (latents[..., None, :] - quantizer.codebook).norm(dim=-1)
    quantized = quantizer(latents)
    assert torch.equal(quantized.codes, distances.argmin(-1))
    assert torch.equal(quantized.latents, quantizer.codebook[quantized.codes])  # to the last bit
    assert torch.equal(quantizer.lookup(quantized.codes), quantized.latents)


def test_of_equally_close_entries_the_first_is_taken():
    quantizer = make([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    assert quantizer.nearest(torch.tensor([[0.0, 5.0], [2.0, 0.0]])).tolist() == [0, 0]


def test_values_are_entries_exactly_even_far_away():
    quantizer = make([[0.1, 0.2], [0.3, 0.7]])
    found = quantizer(torch.tensor([[1e6, -1e6], [3.3e5, 1e5]])).latents
    assert all(any(torch.equal(row, entry) for entry in quantizer.codebook) for row in found)


def test_the_decoders_gradient_passes_unchanged_and_spares_the_codebook():
    quantizer, latents = random_case()
    upstream = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    gradient, to_codebook = torch.autograd.grad(
        quantizer(latents).latents,
        [latents, quantizer.codebook],
        grad_outputs=upstream,
        allow_unused=True,
    )
    assert torch.equal(gradient, upstream) and to_codebook is None


@pytest.mark.parametrize("term", ["codebook_loss", "commitment_loss"])
def test_each_loss_is_the_mean_square_and_moves_one_side_only(term):
    quantizer = make([[0.0, 0.0], [10.0, 10.0]])
    latents = torch.tensor([[1.0, 0.0], [10.0, 12.0]], requires_grad=True)
    loss = getattr(quantizer(latents), term)
    assert loss.item() == (1 + 4) / 4
    gradients = torch.autograd.grad(loss, [latents, quantizer.codebook], allow_unused=True)
    towards = torch.tensor([[0.5, 0.0], [0.0, 1.0]])  # 2 (latent - entry) / 4
    if term == "codebook_loss":
        assert gradients[0] is None and torch.equal(gradients[1], -towards)
    else:
        assert gradients[1] is None and torch.equal(gradients[0], towards)


def test_latents_that_are_not_valid_count_in_nothing():
    quantizer, latents = random_case(shape=(2, 5))
    valid = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    masked, kept = quantizer(latents, valid), quantizer(latents[valid])
    for term in ("codebook_loss", "commitment_loss"):
        assert torch.equal(getattr(masked, term), getattr(kept, term)), term
        assert not torch.isclose(getattr(masked, term), getattr(quantizer(latents), term)), term
    assert torch.equal(masked.counts, kept.counts) and masked.counts.sum() == 7
    assert masked.latents.shape == latents.shape and masked.codes.shape == valid.shape


def test_counts_are_how_many_latents_chose_each_entry():
    quantizer = make([[0.0, 0.0], [10.0, 10.0], [-50.0, 0.0]])
    counts = quantizer(torch.tensor([[[1.0, 0.0], [9.0, 9.0]], [[11.0, 9.0], [10.0, 12.0]]])).counts
    assert counts.tolist() == [1, 3, 0] and counts.dtype == torch.int64


def test_the_codebook_starts_uniform_in_one_over_k():
    torch.manual_seed(0)
    codebook = VectorQuantizer(50, 64).codebook
    assert 0.019 < codebook.max() <= 0.02 and -0.02 <= codebook.min() < -0.019
    assert codebook.std().item() == pytest.approx(0.02 / 3**0.5, rel=0.03)
    assert codebook.requires_grad


def test_a_codebook_can_start_from_latents():
    quantizer, _ = random_case(num_codes=5, num_channels=2)
    latents = torch.arange(24.0).reshape(12, 2)
    quantizer.start_from(latents)
    rows = {tuple(row) for row in quantizer.codebook.tolist()}
    assert len(rows) == 5 and rows <= {tuple(row) for row in latents.tolist()}
    message = "A codebook of 5 entries cannot start from 4 latents; use a smaller codebook"
    with pytest.raises(ValueError, match=message):
        quantizer.start_from(latents[:4])


def restarting(restart_after):
    """Two entries; all latents choose the first one."""
    quantizer = VectorQuantizer(2, 2, restart_after).train()
    with torch.no_grad():
        quantizer.codebook.copy_(torch.tensor([[0.0, 0.0], [99.0, 99.0]]))
    return quantizer, torch.tensor([[0.5, 0.0], [0.0, 0.25]])


def test_an_entry_that_idles_too_long_moves_onto_a_latent():
    quantizer, latents = restarting(3)
    for _ in range(2):
        quantizer(latents)
        assert quantizer.codebook[1].tolist() == [99.0, 99.0]
    quantizer(latents)
    assert quantizer.codebook[1].tolist() in latents.tolist()
    assert quantizer.codebook[0].tolist() == [0.0, 0.0]  # in use: never moved
    assert quantizer.idle_steps.tolist() == [0, 0]


def test_an_entry_that_is_chosen_in_between_starts_to_idle_anew():
    quantizer, latents = restarting(3)
    for step in range(6):
        quantizer(latents if step % 2 else torch.full((1, 2), 98.0))
    assert quantizer.codebook.tolist() == [[0.0, 0.0], [99.0, 99.0]]
    assert quantizer.idle_steps.tolist() == [0, 1]


def test_idle_steps_survive_a_restart_of_training():
    quantizer, latents = restarting(3)
    for _ in range(2):
        quantizer(latents)
    resumed, _ = restarting(3)
    resumed.load_state_dict(quantizer.state_dict())
    resumed(latents)
    assert resumed.codebook[1].tolist() in latents.tolist()


def test_an_entry_never_moves_onto_a_latent_that_is_not_valid():
    for seed in range(20):
        torch.manual_seed(seed)
        quantizer, latents = restarting(1)
        quantizer(latents, torch.tensor([True, False]))
        assert quantizer.codebook[1].tolist() == [0.5, 0.0]


@pytest.mark.parametrize(("restart_after", "training"), [(0, True), (1, False)])
def test_nothing_is_restarted_unless_asked_for_and_training(restart_after, training):
    quantizer, latents = restarting(restart_after)
    quantizer.train(training)
    for _ in range(5):
        quantizer(latents)
    assert quantizer.codebook.tolist() == [[0.0, 0.0], [99.0, 99.0]]


def test_restart_takes_any_leading_axes_without_a_mask():
    quantizer = VectorQuantizer(2, 2, restart_after=1).train()
    quantizer(torch.ones(1, 2, 2))
    assert torch.equal(quantizer.codebook.detach().max(0).values, torch.ones(2))


def averaging(codebook, decay=0.9, restart_after=0):
    """A quantiser whose entries follow moving averages, started from these entries."""
    quantizer = VectorQuantizer(len(codebook), len(codebook[0]), restart_after, decay).train()
    quantizer._place(slice(None), torch.tensor(codebook))
    return quantizer


def test_a_moving_average_is_no_parameter_and_gets_no_gradient():
    quantizer = averaging([[0.0, 0.0], [10.0, 10.0]])
    latents = torch.tensor([[1.0, 0.0], [9.0, 9.0]], requires_grad=True)
    quantized = quantizer(latents)
    assert not list(quantizer.parameters())
    assert not quantized.codebook_loss.requires_grad
    quantized.commitment_loss.backward()
    assert latents.grad.abs().sum() > 0


def test_an_entry_becomes_the_average_of_the_latents_that_chose_it():
    """van den Oord et al. 2017, Eq. 6-8, over two steps by hand; n and m start as 1 and e."""
    quantizer, decay, num_codes = averaging([[0.0, 0.0], [10.0, 10.0]], decay=0.9), 0.9, 2
    steps = [[[1.0, 0.0], [3.0, 1.0], [9.0, 9.0]], [[0.0, 2.0], [12.0, 8.0], [11.0, 10.0]]]
    codes = [[0, 0, 1], [0, 1, 1]]
    counts, sums = torch.ones(2), torch.tensor([[0.0, 0.0], [10.0, 10.0]])
    for latents, chosen in zip(map(torch.tensor, steps), codes, strict=True):
        before = quantizer.codebook.clone()
        quantized = quantizer(latents)
        assert quantized.codes.tolist() == chosen
        assert torch.equal(quantized.latents, before[chosen])  # looked up before it moves
        for k in range(num_codes):
            own = latents[torch.tensor(chosen) == k]
            counts[k] = decay * counts[k] + (1 - decay) * len(own)
            sums[k] = decay * sums[k] + (1 - decay) * own.sum(0)
        total = counts.sum()  # Laplace smoothing
        smoothed = (counts + EMA_EPSILON) / (total + num_codes * EMA_EPSILON) * total
        torch.testing.assert_close(quantizer.codebook, sums / smoothed[:, None])


def test_a_moving_average_settles_on_the_mean_of_its_latents():
    quantizer, latents = averaging([[0.0, 0.0], [99.0, 99.0]]), torch.tensor([[1.0, 2], [3, 4]])
    for _ in range(80):
        quantizer(latents)
    torch.testing.assert_close(quantizer.codebook[0], torch.tensor([2.0, 3.0]), rtol=1e-3, atol=0)
    assert quantizer.codebook.isfinite().all()  # the other entry was never chosen


def test_a_moving_average_hears_valid_latents_only_and_rests_outside_of_training():
    latents, valid = torch.tensor([[1.0, 2.0], [500.0, 500.0]]), torch.tensor([True, False])
    masked, alone = (averaging([[0.0, 0.0], [9.0, 9.0]]) for _ in range(2))
    masked(latents, valid)
    alone(latents[:1])
    assert torch.equal(masked.codebook, alone.codebook)
    state = {name: value.clone() for name, value in masked.state_dict().items()}
    masked.eval()(latents)
    assert all(torch.equal(value, state[name]) for name, value in masked.state_dict().items())


def test_a_restarted_entry_starts_its_average_anew():
    quantizer = averaging([[0.0, 0.0], [99.0, 99.0]], restart_after=2)
    latents = torch.tensor([[0.5, 0.0], [0.0, 0.25]])
    for _ in range(2):
        quantizer(latents)
    placed = quantizer.codebook[1].tolist()
    assert placed in latents.tolist()
    assert quantizer.ema_counts[1] == 1 and quantizer.ema_sums[1].tolist() == placed


def test_a_moving_average_survives_a_restart_of_training():
    latents = [torch.randn(6, 2, generator=torch.Generator().manual_seed(k)) for k in range(4)]
    whole, first = (averaging([[0.0, 0.0], [1.0, 1.0]], restart_after=9) for _ in range(2))
    for batch in latents:
        whole(batch)
    for batch in latents[:2]:
        first(batch)
    resumed = VectorQuantizer(2, 2, restart_after=9, ema_decay=0.9).train()
    resumed.load_state_dict(first.state_dict())
    for batch in latents[2:]:
        resumed(batch)
    assert torch.equal(resumed.codebook, whole.codebook)


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_bfloat16_autocast_chooses_the_entries_of_float32(ema_decay):
    torch.manual_seed(0)
    quantizer = VectorQuantizer(512, 8, restart_after=1, ema_decay=ema_decay).train()
    quantizer.start_from(torch.randn(512, 8))
    latents = torch.randn(2000, 8).bfloat16()
    distances = (latents.float()[:, None] - quantizer.codebook).square().sum(-1)
    with torch.autocast("cpu", torch.bfloat16):
        codes = quantizer(latents).codes
    assert (codes == distances.argmin(-1)).float().mean() > 0.999  # rounding may decide one
    assert quantizer.codebook.dtype == torch.float32
