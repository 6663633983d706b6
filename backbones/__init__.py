"""Residual backbones and the feature pyramid over them.

In data-flow order: base (the contract), sync_norm, norm, blocks, resnet, catalogue, fpn, pixels (normalisation that
travels with the weights), input_channels, files (of weights), pickles, zoo (the names of others), zoo_translation
(into ours), zoo_body (with the same meaning), weights (into modules, report out), config, build (config to backbone).
"""
