"""Everything that talks to the outside world; `model/` is the domain, and knows nothing of it."""
