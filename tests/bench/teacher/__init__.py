"""A scripted competent teacher with planted faults, and what the LLM teacher's gates make of it."""
