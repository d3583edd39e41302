"""A slice that is below its target by chance, and one that is below it for certain."""

import pytest

from harness.selfcheck.sample import below


@pytest.mark.parametrize(
    ("caught", "of", "whole", "sliced"),
    [
        (0, 0, False, False),
        (9, 10, False, False),
        (9, 12, True, False),  # three of twelve: one sample in nine
        (7, 12, True, True),  # five of twelve: one in two hundred
        (880, 1000, True, False),
        (850, 1000, True, True),
        (0, 1, True, False),
        (0, 3, True, True),
    ],
)
def test_a_slice_fails_only_where_chance_does_not_explain_it(caught, of, whole, sliced):
    assert below(caught, of, 0.9, sliced=False) is whole
    assert below(caught, of, 0.9, sliced=True) is sliced
