"""The corpus card: a seeded sample of pairs read by hand, and what of the book the pairs cover."""
