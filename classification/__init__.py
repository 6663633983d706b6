"""Image classification by residual networks, from labelled images of many kinds to a table of scores.

In data-flow order: data_config, labelled (images of any source), folders, cifar, boxes, read (picks the reader),
framing, rand_augment, erasing, transforms, batch, dataset, data, beta, mixing, losses, model_config, config,
network, build, counts (of answers), scores, metrics, zoo (of other projects), weights, classifier, thaw (of
stages), module, pictures, train, evaluate, predict, export_graph, export_check, export, features, neighbours,
linear_probe, verification (of pairs), evaluate_features, study_config, study_errors, layer_signals, studies (the
founding experiments), commands.
"""
