"""Bulk doors that are not HTTP: a folder today. Imports model/, nothing else of app/."""
