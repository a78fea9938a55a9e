"""Files to section trees: one public verb, ``read_document``."""
