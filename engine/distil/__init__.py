"""From passages to a reviewed corpus of question-answer pairs."""
