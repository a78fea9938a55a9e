"""Fine-tuning the student."""
