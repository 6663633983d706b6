"""Residual backbones and the feature pyramid over them.

In data-flow order: base (the contract), sync_norm, norm, blocks, resnet, catalogue, fpn, pixels (normalisation that
travels with the weights), weights (files in, report out), config, build (config to backbone).
"""
