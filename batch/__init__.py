"""Bulk entry points that are not HTTP: files, a watched folder, a bucket, Spark.

Imports model/, never app/ or settings.py.
"""
