"""The commands of `churn`, a module for each kind; __main__.py puts them together. They may import any package.

Heavy imports stand in the commands that need them, so that `churn --help` is quick.
"""
