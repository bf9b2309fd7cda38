"""The domain: what a customer is, and what the model says of one. Knows no Flask, no AWS, no Spark."""
