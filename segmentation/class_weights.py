"""How much each class should count in a loss, by how rare it is."""

import numpy as np

from segmentation.counts import Floats, Integers, ratio


def median_frequency_weights(pixels: Integers, labelled: Integers) -> Floats:
    """Weighs classes by the median of their frequencies over their own: Eigen and Fergus 2015 (arXiv:1411.4734).

    The frequency of a class is its share of the labelled pixels of those images that show it.

    Args:
        pixels: (V, K) of each class in each image.
        labelled: (V, K) labelled pixels of the image; they differ between classes where each has a mask of its own.

    Returns:
        (K,), 1 for a class of median frequency, and 0 for one that no image shows.

    Raises:
        ValueError: No image shows any class.
    """
    frequencies = ratio(pixels.sum(0), labelled.sum(0, where=pixels > 0))
    if np.isnan(frequencies).all():
        raise ValueError(
            "class weights cannot come from the data: no training mask shows any class; set class_weights to none"
        )
    return np.nan_to_num(np.nanmedian(frequencies) / frequencies)
