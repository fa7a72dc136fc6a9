"""The batch API, at half the price: ``api`` speaks to it, ``run`` drives a stage through it."""
