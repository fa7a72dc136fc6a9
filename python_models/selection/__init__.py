"""What is kept: how two selections differ, and the history of what entered and left."""
