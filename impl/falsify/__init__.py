"""Refuting mutants, and how far the true ones could be sharpened: floats search, balls certify.

certify     a mutant and an instance: refuted in balls, or not
ratio       one function for every search: how near a batch comes to refuting a claim or a mutant
fields      what the numbers of a batch are, so that they can be moved and simplified without leaving the problem
perturb     moving a batch
mutants     the blind attack on all mutants of a family at once
evolution, gradient, hypothesis   three drivers that look for a large ratio
pursuit     one subject, one driver: hits are certified, the tightest instance is kept
shrinker    smaller witnesses, all candidates of a step in one call
sharpness   by which factors the terms of a bound could be smaller
thresholds  where the convexity of C8 ends
"""

from .certify import Refutation, refute
from .mutants import Attack, attack, batches

__all__ = ["Attack", "Refutation", "attack", "batches", "refute"]
