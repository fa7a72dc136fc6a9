"""What the last whole run of production read and left, so that a run that would read and leave the same is not made.

A run that is left out by mistake would be a wrong result without a sign. So nothing is guessed from dates or sizes:
every byte that a run reads is digested, what a run leaves is looked at, and in any doubt there is something new.
"""
