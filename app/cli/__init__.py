"""The commands of `churn`, one module for each group; __main__.py assembles them. They may import any package.

Heavy imports are in the commands that need them, so that `churn --help` is quick.
"""
