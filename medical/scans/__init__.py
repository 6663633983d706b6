"""The way of one scan from its file to probabilities and back to a file; numpy only, no torch.

In data-flow order: volume (the nouns), orientation (of slices), values (as files hold them), nifti, series (of DICOM
files), dicom, dicom_seg, pictures, read (any of them), saved (settings), intensity, resample, neighbours, preprocess,
tiles, views (mirrored ones), pipeline, decision, sources (of a command line), prediction, write, components (of masks),
results (as files), runner.
"""
