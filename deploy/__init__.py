"""Puts what is here on AWS. Runs on a person's machine only; nothing that serves imports it."""
