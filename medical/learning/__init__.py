"""From a study to trained folds: patients are dealt into folds, and every case is predicted by a model of the others.

In data-flow order: folds, lesion_index, store (of prepared cases), lesion_sampler, augment, patches, data, plan (of a
fold), settings (of its segmenter), network, out_of_fold, fold, budget, run (what a fit leaves behind), begin, course
(fold after fold), answers, decision, summary, fit.
"""
