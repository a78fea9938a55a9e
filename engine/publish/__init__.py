"""From a trained student to files and an API."""
