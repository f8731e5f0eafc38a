"""The boxes that stand in for region files, on the one head that is at hand."""

import numpy as np
from head import HeadSet

from bench.dataset.card import read_card
from bench.dataset.masks import box_region


def test_biwis_boxes_cover_most_of_the_generated_heads_own_masks():
    """That head has BIWI's proportions: a face with the mouth below the middle, and no neck."""
    heads = HeadSet(5023)
    regions = {m: box_region(heads.reference(), c.box) for m, c in read_card("biwi").masks.items()}
    for name, region in regions.items():
        assert np.isin(heads.masks[name].vertices, region).mean() > 0.9
        assert np.isin(region, heads.masks[name].vertices).mean() > 0.9
    assert not np.intersect1d(*regions.values()).size
