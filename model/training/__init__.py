"""From labelled customers to an artifact. Nothing that serves imports it.

Outside of it only model/pipeline.py loads scikit-learn.
"""
