"""Apps in Python. Start them with `python -m`, from the root of the checkout."""
