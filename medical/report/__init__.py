"""The report of a fit: how well every case was predicted by a model that had not seen it, on one page one can trust.

No name of a patient enters it. In data-flow order: privacy, held_out (cases with their predictions), decisions (of each
fold, from the others), suspects (where a mask may be wrong), rows, choice (of cases to show), slices (as pictures),
strata, links, words, figures, tables, comparison (of two runs), origin (how it was made), sections, report.
"""
