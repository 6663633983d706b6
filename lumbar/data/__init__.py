"""From files to batches; knows images, boxes and masks, no model.

In data-flow order: config, image_io (safe decoding), categories, records (one split as flat arrays), store (their
cache), coco, voc and yolo (readers), read (picks the reader), sizes (of resized images and canvases), sample (one image
on its way), interpolation (as each zoo does it), geometry, colour, albumentations, transforms (the pipeline of a
split), collate, samplers, loader, datamodule, draw (pictures).
"""
