"""Natural questions of learners to real courses: the panels, their marks, and who answers them."""
