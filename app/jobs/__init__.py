"""Bulk doors that are not HTTP: a folder today. Imports model/, never app/ and never settings."""
