"""Residual backbones, what they are compared with, and the feature pyramid over them.

In data-flow order: names (of all networks, without torch), base (the contract), body (stages that freeze), sync_norm,
standardised (weights), norm, drop (by seeds), blur, shortcuts, merges, attention, blocks, resnet, catalogue, vgg,
network (from name to network), cost (parameters and multiply-adds), fpn, pixels (normalisation that travels with the
weights), timm_body (any network of timm), input_channels, files (of weights), pickles, zoo (the names of others),
zoo_translation (into ours), zoo_body (with the same meaning), torchvision_layout (and back), weights (into modules,
report out), config, build (config to backbone).
"""
