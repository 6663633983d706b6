"""A folder of annotated cases: what belongs together, what the masks mean, what is wrong, and how to learn from it.

In data-flow order: config, values (of masks), pairs (of files), nnunet (its layout), case_table (cases.csv), patients,
cases, mask_slices, truth, lesions, hashes, dicom_header, facts, duplicates, typical (of most cases), proposal, finding,
file_findings, patient_findings, image_findings, mask_findings, examination, proposed, check_charts, check_pictures,
check_page, check.
"""
