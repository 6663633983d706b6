"""Kernels in Triton, each beside an operator of the floor above, which imports it when it first runs on a GPU.

Only this room imports Triton, so that machines without it lack nothing but speed. Each kernel has its reference in
plain torch beside the operator. Without a GPU, Triton can interpret the kernels (TRITON_INTERPRET=1, set before
anything imports it), and so the tests hold them to the references anywhere.

In reading order: boxes, nms, matching, roi_align.
"""
