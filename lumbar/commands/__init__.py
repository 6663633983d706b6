"""The command lines that take the weights of any task; what they do, the file says, and no option.

In data-flow order: kinds (of weights), predict, export, convert_weights.
"""
