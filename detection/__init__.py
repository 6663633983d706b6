"""Faster R-CNN on a feature pyramid, from annotation record to AP table.

In data-flow order: config, dataset, data, anchors, matcher, sampler, box_coder, proposals, rpn, roi_pool,
box_head, conv_head, postprocess, roi_head, faster_rcnn, coco_columns, coco_truth (columns of files), coco_matching,
coco_curves, coco_eval, presets, build, zoo (the names of others), zoo_classes, zoo_config, zoo_detector (ours of
theirs), weights, convert, detector, pictures, module, train, evaluate, study_config, studies (of backbones), predict,
export_onnx, export_graph, export_check, export, commands.
"""
