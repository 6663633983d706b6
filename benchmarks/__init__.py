"""Measurements beside the peers, in one run, alternating; results lie in `benchmarks/results`.

In order of use: twins (torchvision's detector and ours with the same weights), results (files), detection, bccd,
annotations.
"""
