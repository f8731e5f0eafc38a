import numpy as np

from bench.metrics.frames import BLOCK_BYTES, frames_per_block, read_blocks


def test_blocks_of_all_sequences_fit_the_budget_together():
    for num_vertices, num_sequences in ((1300, 2), (5023, 1), (23370, 11)):
        step = frames_per_block(num_vertices, num_sequences)
        size = num_vertices * 3 * 8 * num_sequences
        assert step * size <= BLOCK_BYTES < (step + 1) * size


def test_a_block_has_a_frame_even_if_that_is_too_large():
    assert frames_per_block(10**9) == 1


def test_blocks_in_order_are_the_sequence(clip, template, monkeypatch):
    monkeypatch.setattr("bench.metrics.frames.BLOCK_BYTES", 4 * template.size * 8)
    sequences = {"a": clip(1, 11), "b": clip(2, 13)}
    blocks = list(read_blocks(sequences, 11, len(template), np.array([5, 2])))
    assert [len(pair[0]) for pair in blocks] == [2, 2, 2, 2, 2, 1]
    for i, name in enumerate(sequences):
        joined = np.concatenate([pair[i] for pair in blocks])
        assert joined.dtype == np.float64
        assert np.array_equal(joined, sequences[name][:11, [5, 2]])
