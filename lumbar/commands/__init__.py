"""The command lines that serve any task; which one it is, the file that they are given says, and no option.

In data-flow order: study (several runs compared), kinds (of weights), predict, export, convert_weights.
"""
