"""Measurements beside the peers, in one run, alternating; results lie in `benchmarks/results`.

In order of use: results (files), report (command line, tables), forked (processes), timing, roofline (ceilings, work),
waits, race (of networks), plot, photos, twins (torchvision's detector and ours with the same weights), backbones,
detection_stages, detection, segmentation, ablation, processor, decoders, pipelines, input, annotations, coco_results,
coco_batches (of the same), evaluation, growth, ranks, scaling, run (all of these), tables (into the documents); bccd
and camvid, which train.
"""
