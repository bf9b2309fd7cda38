"""Bulk entry points that are not HTTP: files, a watched folder, a bucket. Imports model/, nothing else of app/."""
