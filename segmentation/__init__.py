"""Semantic segmentation by fully convolutional networks, from images and masks to a table of scores.

In data-flow order: data_config, read_masks, dataset, survey (of all pixels before training), transforms, counts (of
pixels), class_weights, data, labels (what they mean), losses (what one is, and a sum of several), pixel_losses,
overlap_losses, lovasz, distances, boundary_loss, loss_config, loss_build, heads, fcn_head, concat_head, fpn_head,
skip_head, fcn, model_config, build, inference_config, views (of an image), sliding_window, inference, rims, policies
(of other toolkits), scores, scores_config, metrics, config, zoo (the names of others), zoo_text, zoo_recipe,
zoo_classes, zoo_config, zoo_segmenter (ours of theirs), weights, convert, segmenter, module, pictures, train,
evaluate, mask_files, large_images, predict, export_graph, export_check, export, commands.
"""
