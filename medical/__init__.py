"""Medical segmentation in two dimensions, slice by slice: from a folder of annotated cases to a report one can trust.

Its rooms, from the ground up: scans (files to probabilities and back), scores, pages (of HTML), study (what the cases
are), learning, report, delivery. Above them all the command lines. In data-flow order: commands.
"""
