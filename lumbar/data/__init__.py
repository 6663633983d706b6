"""From files to batches; knows images, boxes and masks, no model.

In data-flow order: config, image_io (safe decoding), categories, pixel_classes (values of masks), class_lists (those of
known data sets), faults (told at once), sizes (of resized images and canvases), canvases (chosen from the data),
windowed_tiff and mask_tiff (larger than memory), records (flat arrays), store (their cache), coco, voc and yolo
(readers of boxes), read (picks the reader), mask_io (safe decoding), mask_records, mask_folders, coco_masks,
coco_outlines and coco_panoptic (readers of masks), sample (one image on its way), interpolation (as each zoo does it),
geometry, scale_crop, colour, albumentations, transforms (the pipeline of a split), collate, samplers, loader, transfer
(to the device), splits (the loaders of any task), datamodule, draw (pictures), draw_masks.
"""
