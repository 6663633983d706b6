"""What every task does in the same way, from the command line to the results of a run; knows none of them.

In data-flow order: settings (with absolute paths), command_line, images (to predict), weights, numbers, module,
pictures, course (of a training run), evaluate, study_config (runs that are compared), study_runs, curves, study,
export_graph, export_onnx, export_files, export_check, export.
"""
