"""Budgets: what may be spent, what has been, and what is about to be."""
