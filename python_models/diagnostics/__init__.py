"""What is measured about a run rather than made by it: drift of merged tags, calls and their cost."""
