"""The domain: what a customer is, and what the model predicts for one. Knows no Flask, no AWS, no Spark."""
