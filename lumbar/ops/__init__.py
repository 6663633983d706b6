"""Tensor functions without parameters or files.

Conventions of every file here: boxes are xyxy in pixels of the network's input, x to the right and y down,
a box covers [x1, x2) x [y1, y2); images are RGB. Letters in shapes: B images, N or M boxes, G padded
ground-truth boxes, R proposals, K candidates or classes as the file says, C channels, H rows, W columns.

Below this room lies kernels: what a GPU runs for nms, matching and roi_align.

In reading order: structures (the nouns), precision, boxes, random, nms, matching, roi_align, adaptive_roi_align,
losses, reduce.
"""
