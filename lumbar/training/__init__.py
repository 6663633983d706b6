"""Configuration, optimisation and the run; knows no task.

In data-flow order: config, yaml_marks (YAML with the place of every key), complaints (what is wrong with a config),
describe (its settings in words), load (YAML to config), lamb, optim, schedule, checkpoint, run_folder, metrics_file
(the table of logged values), displays, late (numbers of the device), progress, ranks (what processes tell each other),
batch_means, statistics (of batch norms), finite (steps that are not taken), callbacks, resume (the place of a
checkpoint), run_record (which run it belongs to), signals (being told to stop), hardware, compiling, rehearsal (a step
on each canvas), run (the one place that makes a Trainer).
"""
