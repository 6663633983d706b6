"""Numbers of a predicted mask beside the true one, by numpy and scipy alone: scores, their means, how sure these are.

In data-flow order: regions (connected voxels), surfaces, lesions, case_scores, policies (of other toolkits), bootstrap,
summary, rows, table, paired (two runs), calibration, froc, detections (in files).
"""
