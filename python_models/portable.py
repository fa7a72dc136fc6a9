"""SQL whose numbers are the same on every engine, down to the last digit.

Engines divide decimals to different scales, round halves in different ways, and add floating-point numbers in the order
in which they come. What is written here uses sums of decimals, which are exact, and operations on doubles that IEEE 754
defines to the bit.
"""

from __future__ import annotations


def rounded_sql(sql: str, digits: int) -> str:
    """A number to so many decimals, halves up, as a double."""
    scale = f"CAST({10**digits} AS DOUBLE)"
    return f"(FLOOR(CAST({sql} AS DOUBLE) * {scale} + CAST(0.5 AS DOUBLE)) / {scale})"


def millionths_sql(sql: str) -> str:
    """A number to six decimals, halves up, as a decimal, which can be summed in any order."""
    return f"CAST({rounded_sql(sql, 6)} AS DECIMAL(18, 6))"


def mean_sql(sql: str) -> str:
    """The mean of decimals or whole numbers as a double, NULL of none; an aggregate."""
    return f"(CAST(SUM({sql}) AS DOUBLE) / COUNT({sql}))"
