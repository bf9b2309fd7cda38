"""The commands of `churn`, a module for each kind; __main__.py puts them together. Imports what the three doors may.

Heavy imports stand in the commands that need them, so that `churn --help` is quick.
"""
