"""AWS Lambda: events of HTTP gateways and of the bucket, in and out."""
