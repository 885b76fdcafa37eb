"""An independent evaluation: from an instance's JSON text and the definitions, in mpmath, sharing nothing with impl.

Derivatives are differences of the definition at many digits, the proximal step solves its own equation, values and
visitations their linear systems, infima are enclosed by a point and a multiplier. Slow, and obviously right.
"""
