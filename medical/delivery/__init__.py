"""What leaves the workshop: predictions of new cases, a network that runs without torch, and boxes for detectors.

In data-flow order: ensemble (of the folds), overlay (a scan in one picture), predict, ensemble_graph, closure (of
imports), bundle (a folder that needs no torch), without_torch, runner_check, card, export, boxes.
"""
