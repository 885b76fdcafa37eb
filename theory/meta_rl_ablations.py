"""x"""
from .claim import Ablation
ABLATIONS: tuple[Ablation, ...] = ()
